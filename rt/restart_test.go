//go:build unix

package rt_test

import (
	"errors"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// Restart of a closed Shared leaves the daemon alone. Status and Shutdown go on
// working.
func TestRestartAfterClose(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}
	c := connect(t, a)
	if _, err := c.Inc(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := a.endpoint(t)
	closed := share(t, a)
	closed.Close()
	if err := closed.Restart(t.Context()); !errors.Is(err, rt.ErrClosed) {
		t.Errorf("Restart: %v, want %v", err, rt.ErrClosed)
	}
	if n, err := c.Inc(t.Context()); n != 2 || err != nil {
		t.Errorf("a call to the same object: %d, %v; want 2", n, err)
	}
	if s, err := closed.Status(t.Context()); err != nil || s.Incarnation != first.Incarnation {
		t.Errorf("Status: incarnation %s, %v; want %s", s.Incarnation, err, first.Incarnation)
	}
	if err := closed.Shutdown(t.Context(), rt.ShutdownDrain); err != nil || a.alive(t) {
		t.Errorf("Shutdown: %v; the daemon lives: %v", err, a.alive(t))
	}
}

// Close while Restart waits for a running call: the call finishes, the daemon
// leaves, and Restart starts none.
func TestCloseDuringRestart(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.witnessed()
	open, result := gated(t, connect(t, a))
	shared := share(t, a)
	restarted := make(chan error, 1)
	go func() { restarted <- shared.Restart(t.Context()) }()
	observer := share(t, a)
	eventually(t, "the daemon is leaving", func() bool {
		s, err := observer.Status(t.Context())
		return err == nil && s.Leaving != ""
	})
	shared.Close()
	open()
	if n, err := result(); n != 1 || err != nil {
		t.Errorf("the running call: %d, %v", n, err)
	}
	if err := <-restarted; !errors.Is(err, rt.ErrClosed) {
		t.Errorf("Restart: %v, want %v", err, rt.ErrClosed)
	}
	if births := a.births(t); births != 1 || a.alive(t) {
		t.Errorf("%d objects were made, a daemon lives: %v; want 1, false", births, a.alive(t))
	}
	connect(t, a)
}
