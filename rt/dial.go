package rt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// A daemon that accepts no connections for a while, because it is stopped or many
// clients connect, has a full backlog. Unix sockets report that at once, with
// EAGAIN; a client retries a few times at once, since a daemon that is flooded has
// room every few microseconds, and then pauses. TCP drops the request, and the
// kernel repeats it only after 1 s and 3 s.
const (
	busyTries        = 10
	firstBusyPause   = 100 * time.Microsecond // after every busyTries
	longestBusyPause = 2 * time.Millisecond
	dialTry          = 250 * time.Millisecond // of TCP
)

// dial connects to a socket and waits within ctx while its backlog is full. If ctx
// ends before that, ctx.Err() is not nil when dial returns.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	wait := firstBusyPause
	for tries := 1; ; tries++ {
		try, cancel := ctx, context.CancelFunc(func() {})
		if network == "tcp" {
			try, cancel = context.WithTimeout(ctx, dialTry)
		}
		conn, err := d.DialContext(try, network, address)
		var failed net.Error
		late := errors.As(err, &failed) && failed.Timeout() // maybe a moment before try and ctx end
		cancel()
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		full := errors.Is(err, syscall.EAGAIN)
		if full && tries%busyTries != 0 {
			runtime.Gosched()
			continue
		}
		if !full && !late || full && !pause(ctx, wait) {
			return nil, err
		}
		wait = min(2*wait, longestBusyPause)
	}
}

// dialIn connects to the daemon of an endpoint that was read in dir.
func dialIn(ctx context.Context, dir *rundir.Dir, e *rundir.Endpoint) (net.Conn, error) {
	address, release, err := dir.SocketOf(e)
	if err != nil {
		return nil, err
	}
	defer release()
	conn, err := dial(ctx, e.Network, address)
	if err != nil && e.Network == "unix" && !dir.Holds(e) && e.Elsewhere() {
		return nil, &hiddenError{e, err}
	}
	return conn, err
}

// hiddenError says that this process cannot reach the address of an endpoint,
// because it is in another namespace than the daemon.
type hiddenError struct {
	endpoint *rundir.Endpoint
	err      error
}

func (e *hiddenError) Error() string {
	at := e.endpoint
	if at.Network == "tcp" {
		return fmt.Sprintf("process %d listens on %s in the network namespace %s, this process is in %s: %v; start both in one network namespace, use TransportUnix, or choose another Config.Name for this one",
			at.PID, at.Address, at.Net, rundir.NetworkNamespace(), e.err)
	}
	return fmt.Sprintf("process %d listens on %s, whose directory this process, in another mount namespace, does not see: %v; mount that directory here as well, or set LOOPGEN_DIR or ScopeDir, in the daemon's programs too, to a directory that both see",
		at.PID, at.Address, e.err)
}

func (e *hiddenError) Unwrap() error { return e.err }

// seen returns err, why the daemon of e could not be greeted, or a *hiddenError
// around err if the port of e is one of another network namespace, where anything
// may listen on it.
func seen(e *rundir.Endpoint, err error) error {
	if e.Network == "tcp" && e.Elsewhere() {
		return &hiddenError{e, err}
	}
	return err
}

// sameAddress reports whether two endpoints lead to one listener of one daemon.
func sameAddress(a, b *rundir.Endpoint) bool {
	return a.Incarnation == b.Incarnation && a.Network == b.Network && a.Address == b.Address && a.Key == b.Key
}
