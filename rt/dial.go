package rt

import (
	"context"
	"fmt"
	"net"

	"github.com/loopgen/loopgen/rt/internal/sock"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// dialIn connects to the daemon of an endpoint that was read in dir.
func dialIn(ctx context.Context, dir *rundir.Dir, e *rundir.Endpoint) (net.Conn, error) {
	address, release, err := dir.SocketOf(e)
	if err != nil {
		return nil, err
	}
	defer release()
	conn, err := sock.Dial(ctx, e.Network, address)
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
