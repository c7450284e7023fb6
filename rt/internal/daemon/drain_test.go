package daemon

import (
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// TestNoCallBeginsInAShutdown shows that no call begins after BeginShutdown, not even one
// whose turn would come before FinishShutdown is called.
func TestNoCallBeginsInAShutdown(t *testing.T) {
	d := New(&stub.Service{Name: "still"}, Options{IdleTTL: time.Hour, Log: slog.New(slog.DiscardHandler)})
	running, waiting := newTicket("A", stub.Exclusive, 0), newTicket("B", stub.Exclusive, 0)
	d.turn.enter(running)
	d.turn.enter(waiting)
	d.BeginShutdown("told to", false) // this test does not call FinishShutdown
	d.turn.release(running)
	if err := d.turn.wait(t.Context(), waiting); err != errDraining {
		t.Errorf("the call that waited: %v, want %v", err, errDraining)
	}
}

// halfOpen is a pipe whose CloseWrite has no effect.
type halfOpen struct{ net.Conn }

func (halfOpen) CloseWrite() error { return nil }

// TestLimitLinger shows that a client that does not disconnect after going-away delays the
// shutdown by limits.linger.
func TestLimitLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		ours, theirs := net.Pipe()
		go d.ServeConn(halfOpen{theirs}, Peer{})
		r := wire.NewReader(ours, 1<<20)
		e := d.identity.Load()
		if _, err := wire.Greet(r, ours, e.Key, wire.Hello{Incarnation: e.Incarnation, Address: e.Address}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		d.BeginShutdown("the test says so", false)
		if f, err := r.Next(); err != nil || f.Kind != wire.KindGoingAway {
			t.Fatalf("got a %v frame, %v; want going-away", f.Kind, err)
		}
		if f, err := r.Next(); err == nil {
			t.Errorf("got a %v frame after going-away", f.Kind)
		}
		if took := time.Since(began); took != d.limits.linger {
			t.Errorf("closed after %v, want %v", took, d.limits.linger)
		}
	})
}

// endless is an object whose Close returns when the test is over.
type endless chan struct{}

func (e endless) Close() { <-e }

// TestLimitObjectClose shows that an object's Close that hangs delays the shutdown by
// limits.objectClose.
func TestLimitObjectClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		object := make(endless)
		defer close(object)
		d.object = object
		began := time.Now()
		d.CloseObject()
		if took := time.Since(began); took != d.limits.objectClose {
			t.Errorf("it waited for %v, want %v", took, d.limits.objectClose)
		}
	})
}

// TestLimitCancelGrace shows that a method that ignores its context delays ShutdownNow by
// limits.cancelGrace, and that the object is not closed then.
func TestLimitCancelGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		release := d.hold()
		defer release()
		conn, r := d.dial(t)
		defer conn.Close()
		mustWrite(t, conn, callFrame(t, 1))
		synctest.Wait()
		began := time.Now()
		d.BeginShutdown("the test says so", true)
		if f, err := r.Next(); err != nil || f.Kind != wire.KindGoingAway {
			t.Fatalf("got a %v frame, %v; want going-away", f.Kind, err)
		}
		if f, err := r.Next(); err == nil {
			t.Errorf("got a %v frame of a method that has not returned", f.Kind)
		}
		if took := time.Since(began); took != d.limits.cancelGrace {
			t.Errorf("closed after %v, want %v", took, d.limits.cancelGrace)
		}
	})
}

// TestShutdownNowBoundsClose shows that ShutdownNow gives a Close that hangs the rest of
// cancelGrace, also in a daemon that drains and is in Close already.
func TestShutdownNowBoundsClose(t *testing.T) {
	for name, before := range map[string]time.Duration{"at once": 0, "in Close": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newStill(t, time.Hour)
				object := make(endless)
				defer close(object)
				d.object = object
				now := true
				if before > 0 {
					now = false
				}
				d.BeginShutdown("the test says so", now)
				time.Sleep(before)
				began := time.Now()
				d.BeginShutdown("the test says so again", true)
				done := make(chan struct{})
				go func() {
					defer close(done)
					d.mu.Lock()
					defer d.mu.Unlock()
					for d.step != "it exits" {
						d.mu.Unlock()
						time.Sleep(time.Millisecond)
						d.mu.Lock()
					}
				}()
				<-done
				if took := time.Since(began); took < d.limits.cancelGrace || took > d.limits.cancelGrace+time.Millisecond {
					t.Errorf("the daemon shut down after %v, want %v", took, d.limits.cancelGrace)
				}
			})
		})
	}
}
