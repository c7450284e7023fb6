package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// turn decides who may touch the object: one exclusive call, or any number of
// shared ones, strictly first come first served. A shared call never overtakes
// an exclusive one that came before it, so that neither kind starves.
// Concurrent calls take no turn; they pass through here to be counted and shown.
type turn struct {
	mu        sync.Mutex
	waiting   []*ticket // in order of arrival
	granted   []*ticket // those that have the turn, of every mode
	exclusive bool      // an exclusive ticket is among them
	shared    int       // how many shared tickets are among them
	closed    error     // why no ticket is granted any more
}

// ticket is a call's place in the queue, or its turn. It names the call, so that Status can
// show whose turn it is and since when.
type ticket struct {
	method string
	mode   stub.Mode
	caller stub.Caller
	since  time.Time // when it was queued; once granted, when that was

	queued  bool          // it had to wait
	granted chan struct{} // gets a value when a queued ticket has the turn, or refused is set; has room for it
	refused error         // why it will never have the turn
	hasTurn bool          // guarded by turn.mu
	blocker *blocker      // the call that it waited for when wait gave up; nil: none
}

// begin makes tk the ticket of another call. The last one has left.
func (tk *ticket) begin(method string, mode stub.Mode, caller stub.Caller) {
	*tk = ticket{method: method, mode: mode, caller: caller, since: time.Now(), granted: tk.granted}
}

// enter takes the ticket's place in the queue, and reports whether the turn is the
// ticket's at once. Calls run in the order in which they entered, so the goroutine
// that reads a connection enters them.
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

// wait returns nil when the turn is the ticket's. An error means that the ticket
// has left the queue: the context's cause, or why the turn was closed.
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

// releaseCanceled is release for a ticket that wait waits for. It notes in the ticket what the
// call waited for.
func (t *turn) releaseCanceled(tk *ticket) {
	t.mu.Lock()
	if tk.queued && !tk.hasTurn && tk.refused == nil {
		tk.blocker = t.blocker()
	}
	t.mu.Unlock()
	t.release(tk)
}

// release gives up the turn, or the place in the queue. It is idempotent.
func (t *turn) release(tk *ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-tk.granted: // in the moment in which its call was given up
	default:
	}
	if !tk.hasTurn {
		if tk.queued {
			t.waiting = removeTicket(t.waiting, tk)
			t.grantWaiting() // an exclusive ticket that left may have held up shared ones
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

// close refuses all that wait and all that come. Holders keep their turn.
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

// grantWaiting hands the turn to as many of the first in the queue as may have it.
// t.mu is held.
func (t *turn) grantWaiting() {
	for len(t.waiting) > 0 {
		next := t.waiting[0]
		if !t.allows(next.mode) {
			return
		}
		t.waiting[0] = nil
		t.waiting = t.waiting[1:]
		t.grant(next)
		next.granted <- struct{}{}
	}
}

// allows reports whether those who hold the turn let another ticket in. t.mu is held.
func (t *turn) allows(mode stub.Mode) bool {
	return !t.exclusive && (mode != stub.Exclusive || t.shared == 0)
}

// grant makes the turn the ticket's. t.mu is held.
func (t *turn) grant(tk *ticket) {
	tk.hasTurn = true
	tk.since = time.Now()
	t.granted = append(t.granted, tk)
	switch tk.mode {
	case stub.Exclusive:
		t.exclusive = true
	case stub.Shared:
		t.shared++
	}
}

// look calls see for every ticket, those that hold the turn first. see must
// not call the turn.
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
