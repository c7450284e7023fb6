package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

// newTicket returns the ticket of a call.
func newTicket(method string, mode stub.Mode, pid int) *ticket {
	tk := &ticket{granted: make(chan struct{}, 1)}
	tk.begin(method, mode, pid, time.Now())
	return tk
}

// holds reports which of the tickets hold the turn.
func holds(t *turn, tickets ...*ticket) (held []bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tk := range tickets {
		held = append(held, tk.hasTurn)
	}
	return held
}

// TestTurnOrder shows in which order the tickets get the turn.
func TestTurnOrder(t *testing.T) {
	const x, s, c = stub.Exclusive, stub.Shared, stub.Concurrent
	tests := []struct {
		name  string
		modes []stub.Mode
		want  []string // which tickets have the turn after all have entered, and after each release in order
	}{
		{"exclusive runs alone", []stub.Mode{x, x, x}, []string{"1--", ".1-", "..1"}},
		{"shared run together", []stub.Mode{s, s, s}, []string{"111", ".11", "..1"}},
		{"shared does not overtake exclusive", []stub.Mode{s, x, s}, []string{"1--", ".1-", "..1"}},
		{"shared after exclusive run together", []stub.Mode{x, s, s, x}, []string{"1---", ".11-", "..1-", "...1"}},
		{"concurrent does not wait", []stub.Mode{x, c, x, c}, []string{"11-1", ".111", "..11", "...1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var turn turn
			var tickets []*ticket
			for _, mode := range test.modes {
				tk := newTicket("M", mode, 0)
				tickets = append(tickets, tk)
				turn.enter(tk)
			}
			for i, want := range test.want {
				got := ""
				for j, held := range holds(&turn, tickets...) {
					switch {
					case j < i:
						got += "."
					case held:
						got += "1"
					default:
						got += "-"
					}
				}
				if got != want {
					t.Errorf("after %d releases: %s hold the turn, want %s", i, got, want)
				}
				turn.release(tickets[i])
			}
		})
	}
}

// TestTurnCanceledInTheQueue shows that a canceled ticket is removed from the queue, and that
// the shared tickets behind it do not wait for it.
func TestTurnCanceledInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turn turn
		first, second, third := newTicket("A", stub.Exclusive, 0), newTicket("B", stub.Exclusive, 0), newTicket("C", stub.Shared, 0)
		for _, tk := range []*ticket{first, second, third} {
			turn.enter(tk)
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		got := make(chan error)
		go func() { got <- turn.wait(ctx, second) }()
		synctest.Wait()
		cancel(cause)
		if err := <-got; err != cause {
			t.Errorf("wait returned %v, want %v", err, cause)
		}
		turn.release(first)
		if held := holds(&turn, first, second, third); held[1] || !held[2] {
			t.Errorf("after the first was released: %v hold, want only the third", held)
		}
	})
}

// TestTurnGrantedAndCanceledAtOnce shows that a ticket that gets the turn when its context
// ends releases the turn. Otherwise the queue would stand still.
func TestTurnGrantedAndCanceledAtOnce(t *testing.T) {
	var turn turn
	tk, next := newTicket("A", stub.Exclusive, 0), newTicket("B", stub.Exclusive, 0)
	turn.enter(tk)
	turn.enter(next)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := turn.wait(ctx, tk); !errors.Is(err, context.Canceled) {
		t.Errorf("wait returned %v, want %v", err, context.Canceled)
	}
	if held := holds(&turn, tk, next); held[0] || !held[1] {
		t.Errorf("%v hold the turn, want only the next", held)
	}
}

// TestTurnClosed shows that close refuses queued and later tickets, and that a running call
// keeps the turn.
func TestTurnClosed(t *testing.T) {
	var turn turn
	running, waiting, late := newTicket("A", stub.Exclusive, 0), newTicket("B", stub.Shared, 0), newTicket("C", stub.Concurrent, 0)
	turn.enter(running)
	turn.enter(waiting)
	turn.close(errDraining)
	turn.enter(late)
	for _, tk := range []*ticket{waiting, late} {
		if err := turn.wait(t.Context(), tk); !errors.Is(err, errDraining) {
			t.Errorf("%s: wait returned %v, want %v", tk.method, err, errDraining)
		}
	}
	if err := turn.wait(t.Context(), running); err != nil {
		t.Errorf("the running ticket lost its turn: %v", err)
	}
}
