package rt

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
	waiting   []*lease // in order of arrival
	holding   []*lease // granted, of every mode
	exclusive bool     // an exclusive lease is among them
	shared    int      // how many shared leases are among them
	closed    error    // why no lease is granted any more
}

// lease is a call's claim to the turn. It names the call, so that Status can
// show whose turn it is and since when.
type lease struct {
	method string
	mode   stub.Mode
	caller stub.Caller
	since  time.Time // when it was queued; once granted, when that was

	granted chan struct{} // closed when the turn is the lease's, or refused is set
	refused error         // set before granted is closed
	holds   bool          // guarded by turn.mu
}

func newLease(method string, mode stub.Mode, caller stub.Caller) *lease {
	return &lease{method: method, mode: mode, caller: caller, since: time.Now(), granted: make(chan struct{})}
}

// ready reports whether the turn is the lease's already. Concurrent leases never
// are: their methods may wait for each other.
func (l *lease) ready() bool {
	select {
	case <-l.granted:
		return l.mode != stub.Concurrent
	default:
		return false
	}
}

// enter takes the lease's place in the queue. Calls run in the order in which
// they entered, so the goroutine that reads a connection enters them.
func (t *turn) enter(l *lease) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed != nil:
		l.refused = t.closed
		close(l.granted)
	case l.mode == stub.Concurrent:
		t.hold(l)
	default:
		t.waiting = append(t.waiting, l)
		t.grant()
	}
}

// wait returns nil when the turn is the lease's. An error means that the lease
// has left the queue: the context's cause, or why the turn was closed.
func (t *turn) wait(ctx context.Context, l *lease) error {
	select {
	case <-l.granted:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		t.leave(l)
		return context.Cause(ctx)
	}
	return l.refused
}

// leave gives up the turn, or the place in the queue. It is idempotent.
func (t *turn) leave(l *lease) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !l.holds {
		t.waiting = without(t.waiting, l)
		t.grant() // an exclusive lease that left may have held up shared ones
		return
	}
	l.holds = false
	t.holding = without(t.holding, l)
	switch l.mode {
	case stub.Exclusive:
		t.exclusive = false
	case stub.Shared:
		t.shared--
	}
	t.grant()
}

// close refuses all that wait and all that come. Holders keep their turn.
func (t *turn) close(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = err
	for _, l := range t.waiting {
		l.refused = err
		close(l.granted)
	}
	t.waiting = nil
}

// grant hands the turn to as many of the first in the queue as may have it.
// t.mu is held.
func (t *turn) grant() {
	for len(t.waiting) > 0 {
		next := t.waiting[0]
		if t.exclusive || next.mode == stub.Exclusive && t.shared > 0 {
			return
		}
		t.waiting[0] = nil
		t.waiting = t.waiting[1:]
		t.hold(next)
	}
}

// hold makes the turn the lease's. t.mu is held.
func (t *turn) hold(l *lease) {
	l.holds = true
	l.since = time.Now()
	t.holding = append(t.holding, l)
	switch l.mode {
	case stub.Exclusive:
		t.exclusive = true
	case stub.Shared:
		t.shared++
	}
	close(l.granted)
}

// look calls see for every lease, those that hold the turn first. see must
// not call the turn.
func (t *turn) look(see func(l *lease)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range slices.Concat(t.holding, t.waiting) {
		see(l)
	}
}

func without(list []*lease, l *lease) []*lease {
	if i := slices.Index(list, l); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}
