//go:build unix

package rt_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// killedIn starts a client process, and kills it when its call is in the daemon's method.
func killedIn(t *testing.T, role string, a singleton) {
	t.Helper()
	c := connect(t, a)
	caller := start(t, role, a)
	if err := c.Entered(t.Context(), a.Name+"-gate"); err != nil {
		t.Fatal(err)
	}
	if err := caller.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
}

// TestKilledConsumerDoesNotKeepTheDaemon shows that a concurrent call whose caller was
// killed does not keep an idle daemon beyond OrphanTimeout, and that the log names it.
func TestKilledConsumerDoesNotKeepTheDaemon(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: 20 * time.Millisecond, Orphans: 100 * time.Millisecond}
	looker := share(t, a)
	caller := start(t, "stay", a)
	eventually(t, "the call runs", func() bool {
		s, err := looker.Status(context.Background())
		return err == nil && len(s.Running) == 1 && s.OrphanTimeout == a.Orphans
	})
	log := a.endpoint(t).Log
	if err := caller.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon has left", func() bool { return !a.alive(t) })
	if !fileContains(log, "because=idle") || !fileContains(log, "method=Stay") {
		t.Error("the log does not tell that it was idle, or not beside which method")
	}
}

// TestDrainBesideKilledCallers shows that SIGTERM ends a daemon whose only calls have
// lost their callers, in any mode.
func TestDrainBesideKilledCallers(t *testing.T) {
	t.Parallel()
	for role, method := range map[string]string{"stay": "Stay", "enter": "Enter"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1, Orphans: 100 * time.Millisecond}
			killedIn(t, role, a)
			e := a.endpoint(t)
			if err := syscall.Kill(e.PID, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the daemon has left", func() bool { return !a.alive(t) })
			if !fileContains(e.Log, "methods="+method) {
				t.Error("the log does not name the method")
			}
		})
	}
}

// TestDrainTellsOfKilledCallers shows that clients of a daemon that drains read that the
// callers of its calls are gone, and of which methods.
func TestDrainTellsOfKilledCallers(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1, Orphans: -1}
	killedIn(t, "stay", a)
	a.clients(t, 1)
	down := a.shutDown(t)
	const text = "; it waits for calls whose callers are gone (Stay)"
	_, err := share(t, a, func(c *rt.Config) { c.StartTimeout = 50 * time.Millisecond }).Connect(t.Context())
	if !errors.Is(err, rt.ErrDraining) || !strings.Contains(err.Error(), text) {
		t.Errorf("Connect: %v; want %q in it", err, text)
	}
	if s, err := share(t, a).Status(t.Context()); err != nil || !strings.HasSuffix(s.Leaving, text) {
		t.Errorf("Status: %q, %v; want %q", s.Leaving, err, text)
	}
	if err := share(t, a).Shutdown(t.Context(), rt.ShutdownNow); err != nil {
		t.Error(err)
	}
	if err := down(); err != nil {
		t.Error(err)
	}
}

// TestDrainBesideAbandonedCall shows that a call that its caller has given up does not
// make a drain endless, although the caller's process lives.
func TestDrainBesideAbandonedCall(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"given up before the drain", "given up in the drain"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1, Orphans: 100 * time.Millisecond}
			c := connect(t, a)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan error, 1)
			go func() {
				_, err := c.Stay(ctx, "gate")
				result <- err
			}()
			if err := c.Entered(t.Context(), "gate"); err != nil {
				t.Fatal(err)
			}
			giveUp := func() {
				cancel()
				if err := <-result; !errors.Is(err, context.Canceled) {
					t.Errorf("the call given up: %v, want %v", err, context.Canceled)
				}
			}
			if order == "given up before the drain" {
				giveUp()
			}
			down := a.shutDown(t)
			if order != "given up before the drain" {
				giveUp()
			}
			done := make(chan error, 1)
			go func() { done <- down() }()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Error("the drain does not end")
				a.kill(t)
			}
		})
	}
}

// TestOrphanInProcess shows that OrphanTimeout holds with LOOPGEN_MODE=inprocess.
func TestOrphanInProcess(t *testing.T) {
	t.Setenv("LOOPGEN_MODE", "inprocess")
	a := singleton{Dir: t.TempDir(), Name: t.Name(), IdleTTL: 10 * time.Millisecond, Orphans: 50 * time.Millisecond}
	shared := share(t, a)
	c := mustConnect(t, shared)
	go c.Stay(context.Background(), "gate")
	if err := c.Entered(t.Context(), "gate"); err != nil {
		t.Fatal(err)
	}
	shared.Close()
	looker := share(t, a)
	eventually(t, "no daemon is left", func() bool {
		_, err := looker.Status(context.Background())
		return errors.Is(err, rt.ErrNotRunning)
	})
}

// TestCloseThatHangs shows what clients read while the object's Close hangs, and that
// ShutdownNow and a second SIGTERM do not wait for it as long as a drain does.
func TestCloseThatHangs(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"ShutdownNow", "ShutdownNow in the drain", "second SIGTERM"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}
			file := filepath.Join(t.TempDir(), "closed")
			if err := connect(t, a).OnClose(t.Context(), file, true); err != nil {
				t.Fatal(err)
			}
			e, began := a.endpoint(t), time.Now()
			now := make(chan error, 1)
			if how == "ShutdownNow" {
				go func() { now <- share(t, a).Shutdown(context.Background(), rt.ShutdownNow) }()
			} else if err := syscall.Kill(e.PID, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the object is being closed", func() bool { return fileContains(file, "closed") })
			const text = "; it closes its object"
			if how != "ShutdownNow" { // which leaves a second for the client to look
				_, err := share(t, a, func(c *rt.Config) { c.StartTimeout = 50 * time.Millisecond }).Connect(t.Context())
				if !errors.Is(err, rt.ErrDraining) || !strings.Contains(err.Error(), text) {
					t.Errorf("Connect: %v; want %q in it", err, text)
				}
				if s, err := share(t, a).Status(t.Context()); err != nil || !strings.HasSuffix(s.Leaving, text) {
					t.Errorf("Status: %q, %v; want %q", s.Leaving, err, text)
				}
			}
			switch how {
			case "ShutdownNow in the drain":
				now <- share(t, a).Shutdown(context.Background(), rt.ShutdownNow)
			case "second SIGTERM":
				now <- syscall.Kill(e.PID, syscall.SIGTERM)
			}
			if err := <-now; err != nil {
				t.Error(err)
			}
			eventually(t, "it has left", func() bool { return !a.alive(t) })
			if took := time.Since(began); took > 4*time.Second { // a drain gives Close 5 s
				t.Errorf("leaving took %v, want about a second", took)
			}
		})
	}
}
