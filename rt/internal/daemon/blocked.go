package daemon

import (
	"fmt"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/stub"
)

// blocker is the running call that a queued call waited for.
type blocker struct {
	method string
	pid    int // of its caller
	since  time.Time
	others int // calls that shared the turn with it
}

// blocker returns the call that has had the turn for the longest time, or nil. t.mu
// is held.
func (t *turn) blocker() (b *blocker) {
	for _, tk := range t.granted { // in the order of the grants
		switch {
		case tk.mode == stub.Concurrent:
		case b == nil:
			b = &blocker{method: tk.method, pid: tk.pid, since: tk.since}
		default:
			b.others++
		}
	}
	return b
}

func (b *blocker) String() string {
	others := ""
	if b.others > 0 {
		others = fmt.Sprintf(" and %d more", b.others)
	}
	return fmt.Sprintf("%s of process %d%s had the turn for %v", cut.Name(b.method), b.pid, others, cut.Duration(time.Since(b.since)))
}

// blockedError is the error of a call whose context ended while the call was queued.
type blockedError struct {
	cause   error
	blocker *blocker
}

func (e *blockedError) Error() string { return fmt.Sprintf("%v while %v", e.cause, e.blocker) }
func (e *blockedError) Unwrap() error { return e.cause }

// withBlocker returns the cause why a call did not begin. If the call was queued, the
// error also names the call that it waited for.
func (tk *ticket) withBlocker(cause error) error {
	if tk.blocker == nil {
		return cause
	}
	return &blockedError{cause, tk.blocker}
}
