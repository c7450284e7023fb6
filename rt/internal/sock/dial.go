package sock

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"syscall"
	"time"
)

// A daemon that accepts no connections for a while has a full backlog: it is stopped, or
// many clients connect. Unix sockets report a full backlog at once, with EAGAIN. The
// backlog of a flooded daemon has a free entry every few microseconds, so a client retries
// a few times at once before it pauses. TCP drops the request, and the kernel repeats it
// only after 1 s and 3 s.
const (
	busyTries        = 10
	firstBusyPause   = 100 * time.Microsecond // after every busyTries
	longestBusyPause = 2 * time.Millisecond
	dialTry          = 250 * time.Millisecond // of TCP
)

// Dial connects to a socket and retries within ctx while the socket's backlog is full. It
// returns the error of the last try; if ctx has ended, ctx.Err() is not nil then. Dial may
// be called concurrently.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	wait := firstBusyPause
	for tries := 1; ; tries++ {
		try, cancel := ctx, context.CancelFunc(func() {})
		if network == "tcp" {
			try, cancel = context.WithTimeout(ctx, dialTry)
		}
		conn, err := d.DialContext(try, network, address)
		var failed net.Error
		late := errors.As(err, &failed) && failed.Timeout() // possibly a moment before try and ctx end
		cancel()
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		full := errors.Is(err, syscall.EAGAIN)
		if full && tries%busyTries != 0 {
			runtime.Gosched()
			continue
		}
		if !full && !late || full && !Pause(ctx, wait) {
			return nil, err
		}
		wait = min(2*wait, longestBusyPause)
	}
}

// Pause waits about that long and reports whether it did: it returns false at once when
// ctx ends. The time varies, so that many clients do not retry at the same moment. Pause
// may be called concurrently.
func Pause(ctx context.Context, about time.Duration) bool {
	t := time.NewTimer(about/2 + rand.N(about))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
