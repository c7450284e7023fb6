package daemon

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// turn orders the calls of the object. One exclusive call has the turn, or any number of
// shared ones, first come first served. A shared call never overtakes an exclusive one
// that came before it, so neither mode starves. Concurrent calls do not wait for the turn;
// they have tickets so that Status lists them.
type turn struct {
	mu        sync.Mutex
	waiting   []*ticket // in order of arrival
	granted   []*ticket // running calls, of every mode, in the order of the grants
	exclusive bool      // an exclusive ticket is among them
	shared    int       // how many shared tickets are among them
	closed    error     // why no ticket gets the turn any more; nil: the turn is open
}

// ticket is a call's position in the queue, and later its right to run. It names the call
// for Status.
type ticket struct {
	method string
	mode   stub.Mode
	pid    int       // the caller's process
	since  time.Time // when it entered; once it has the turn, when it got it

	fast    *atomic.Bool  // of the method, see inlineRunner; nil in tests
	due     *atomic.Int32 // of the connection
	batched bool          // it has got the turn from the queue, its method was fast the last time, and due counts it; guarded by turn.mu until release

	queued  bool          // it did not get the turn in enter
	granted chan struct{} // receives a value when a queued ticket gets the turn, or refused is set; buffered
	refused error         // why it never gets the turn; nil: it may
	hasTurn bool          // guarded by turn.mu
	blocker *blocker      // the call that it waited for when its context ended; nil: none
}

// begin reuses tk for another call, or for the same call once more. tk must have been
// released.
func (tk *ticket) begin(method string, mode stub.Mode, pid int, now time.Time) {
	*tk = ticket{method: method, mode: mode, pid: pid, since: now, granted: tk.granted, fast: tk.fast, due: tk.due}
}

// enter gives the turn to the ticket, or appends the ticket to the queue, at the time
// tk.since. It reports whether the ticket has the turn. Calls run in the order of enter, so
// the goroutine that reads a connection calls it.
func (t *turn) enter(tk *ticket) (ready bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed != nil:
		tk.refused = t.closed
	case tk.mode == stub.Concurrent, len(t.waiting) == 0 && t.allows(tk.mode):
		t.grant(tk)
	default:
		tk.queued = true
		t.waiting = append(t.waiting, tk)
	}
	return tk.hasTurn
}

// wait waits until the ticket has the turn. If it returns an error, the ticket is not in
// the queue any more. The error is the context's cause, or why the turn was closed.
func (t *turn) wait(ctx context.Context, tk *ticket) error {
	if tk.queued {
		select {
		case <-tk.granted:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		t.releaseCanceled(tk)
		return context.Cause(ctx)
	}
	return tk.refused
}

// releaseCanceled is release for a ticket whose context has ended in wait. First it notes
// which call the ticket waited for.
func (t *turn) releaseCanceled(tk *ticket) {
	t.mu.Lock()
	if tk.queued && !tk.hasTurn && tk.refused == nil {
		tk.blocker = t.blocker()
	}
	t.mu.Unlock()
	t.release(tk)
}

// release releases the turn, or removes the ticket from the queue. It is idempotent.
func (t *turn) release(tk *ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-tk.granted: // the ticket got the turn after its context had ended
	default:
	}
	if !tk.hasTurn {
		if tk.queued {
			t.waiting = removeTicket(t.waiting, tk)
			t.grantWaiting() // shared tickets may have waited behind this exclusive one
		}
		return
	}
	tk.hasTurn = false
	t.granted = removeTicket(t.granted, tk)
	switch tk.mode {
	case stub.Exclusive:
		t.exclusive = false
	case stub.Shared:
		t.shared--
	}
	t.grantWaiting()
}

// close refuses all tickets in the queue, and all that enter later. Running calls keep
// the turn.
func (t *turn) close(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = err
	for _, tk := range t.waiting {
		tk.refused = err
		tk.granted <- struct{}{}
	}
	t.waiting = nil
}

// grantWaiting gives the turn to tickets from the head of the queue, up to the first that
// must wait. t.mu is held.
func (t *turn) grantWaiting() {
	for len(t.waiting) > 0 {
		next := t.waiting[0]
		if !t.allows(next.mode) {
			return
		}
		t.waiting[0] = nil
		t.waiting = t.waiting[1:]
		t.grant(next)
		next.since = time.Now()
		if next.fast != nil && next.fast.Load() {
			next.batched = true
			next.due.Add(1)
		}
		next.granted <- struct{}{}
	}
}

// allows reports whether the granted tickets allow one more of this mode. t.mu is held.
func (t *turn) allows(mode stub.Mode) bool {
	return !t.exclusive && (mode != stub.Exclusive || t.shared == 0)
}

// grant gives the turn to the ticket. t.mu is held.
func (t *turn) grant(tk *ticket) {
	tk.hasTurn = true
	t.granted = append(t.granted, tk)
	switch tk.mode {
	case stub.Exclusive:
		t.exclusive = true
	case stub.Shared:
		t.shared++
	}
}

// visit calls see for every ticket, first for those that have the turn. see must not call
// methods of the turn.
func (t *turn) visit(see func(tk *ticket)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tk := range slices.Concat(t.granted, t.waiting) {
		see(tk)
	}
}

func removeTicket(list []*ticket, tk *ticket) []*ticket {
	if i := slices.Index(list, tk); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}
