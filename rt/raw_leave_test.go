//go:build unix

package rt_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// One who only looks does not keep the daemon, and does not shorten its idle
// time either.
func TestObserver(t *testing.T) {
	look := func(t *testing.T, r *raw) {
		r.send(t, wire.Frame{Kind: wire.KindStatus, ID: 1})
		if f := r.next(t); f.Kind != wire.KindReply {
			t.Fatalf("got a %v frame", f.Kind)
		}
	}
	t.Run("stays", func(t *testing.T) {
		eachTransport(t, func(t *testing.T, a singleton) {
			a.IdleTTL = 100 * time.Millisecond
			shared := share(t, a)
			if err := shared.EnsureStarted(t.Context()); err != nil {
				t.Fatal(err)
			}
			look(t, a.greet(t))
			shared.Close()
			eventually(t, "the daemon has left although a connection that only looked is open", func() bool { return !a.alive(t) })
		})
	})
	t.Run("leaves", func(t *testing.T) {
		eachTransport(t, func(t *testing.T, a singleton) {
			a.IdleTTL = time.Second
			first := share(t, a)
			if err := first.EnsureStarted(t.Context()); err != nil {
				t.Fatal(err)
			}
			first.Close()
			second := share(t, a)
			if err := second.EnsureStarted(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-time.After(a.IdleTTL + a.IdleTTL/10) // the idle time of the first is over
			observer := a.greet(t)
			look(t, observer)
			second.Close()
			began := time.Now()
			eventually(t, "the second is gone", func() bool {
				s, err := share(t, a).Status(context.Background())
				return err != nil || len(s.Clients) == 0
			})
			observer.conn.Close()
			eventually(t, "the daemon has left", func() bool { return !a.alive(t) })
			if took := time.Since(began); took < a.IdleTTL*9/10 {
				t.Errorf("it left %v after its last client, want %v", took, a.IdleTTL)
			}
		})
	})
}

// E03. A daemon that leaves says so on every connection, names the last call that
// it takes, refuses what comes later, and ends its side when all is answered.
func TestGoingAway(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		open, result := gated(t, connect(t, a))
		r := a.greet(t)
		r.send(t, r.call(t, 3, "Inc"))
		queued(t, a, 1)
		down := a.shutDown(t)
		codes := map[uint64]wire.FailureCode{}
		for range 2 { // in either order
			switch f := r.next(t); f.Kind {
			case wire.KindGoingAway:
				g, err := wire.ParseGoingAway(f.Body)
				if err != nil || g.Last != 3 || g.Reason == "" {
					t.Errorf("going-away %+v, %v", g, err)
				}
			case wire.KindError:
				fail, err := wire.ParseFailure(f.Body)
				if err != nil {
					t.Fatal(err)
				}
				codes[f.ID] = fail.Code
			default:
				t.Fatalf("got a %v frame", f.Kind)
			}
		}
		if codes[3] != wire.FailureDraining {
			t.Errorf("the call that waited: %v, want %v", codes[3], wire.FailureDraining)
		}
		r.send(t, r.call(t, 4, "Inc"))
		if f := r.failure(t, 4); f.Code != wire.FailureDraining || f.Executed {
			t.Errorf("a call after going-away: %+v", f)
		}
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		if got := r.closed(t); len(got) != 0 {
			t.Errorf("then %q", got)
		}
		r.conn.Close()
		if err := down(); err != nil {
			t.Error(err)
		}
	})
}

// Whatever a client does with a connection that is being closed, the daemon's
// end is bounded.
func TestLeavingIsBounded(t *testing.T) {
	for name, behave := range map[string]func(*testing.T, *raw){
		"says nothing": func(*testing.T, *raw) {},
		"ends a frame": func(t *testing.T, r *raw) {
			b := encoded(t, wire.Frame{Kind: wire.KindCancel, ID: 1})
			r.write(t, b[:8])
			r.closed(t)
			r.write(t, b[8:])
		},
		"begins a frame": func(t *testing.T, r *raw) {
			r.closed(t)
			r.write(t, encoded(t, wire.Frame{Kind: wire.KindCancel, ID: 1})[:8])
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, a singleton) {
				shared := share(t, a)
				if err := shared.EnsureStarted(t.Context()); err != nil {
					t.Fatal(err)
				}
				r := a.greet(t)
				down := a.shutDown(t)
				behave(t, r)
				done := make(chan error, 1)
				go func() { done <- down() }()
				select {
				case err := <-done:
					if err != nil {
						t.Error(err)
					}
				case <-time.After(8 * time.Second): // less than the time for a frame
					a.kill(t)
					t.Error("it was still leaving after 8s")
				}
			})
		})
	}
}

// Shutdown returns when the daemon is dead, also when it was leaving by then and
// takes its time.
func TestLateShutdown(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		if err := c.OnClose(t.Context(), t.TempDir()+"/closed", true); err != nil { // leaving takes a while
			t.Fatal(err)
		}
		r := a.greet(t)
		a.shutDown(t)
		for r.next(t).Kind != wire.KindGoingAway {
		}
		if err := share(t, a).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
			t.Error(err)
		}
		// The Shutdown that came first may look as well, which takes the lock for an
		// instant; the daemon would live on for seconds.
		for returned := time.Now(); a.alive(t); time.Sleep(2 * time.Millisecond) {
			if time.Since(returned) > 2*time.Second {
				t.Fatal("Shutdown returned, and the daemon lives on")
			}
		}
	})
}

// Unread replies do not delay a daemon that is to exit at once.
func TestShutdownNowWithUnreadReplies(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := a.greet(t)
		r.send(t, r.call(t, 1, "Bytes", 15<<20))
		eventually(t, "the call has run", func() bool {
			s, err := shared.Status(context.Background())
			return err == nil && s.Calls == 1
		})
		began := time.Now()
		if err := shared.Shutdown(t.Context(), rt.ShutdownNow); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 8*time.Second { // less than the time for a write
			t.Errorf("leaving at once took %v", took)
		}
	})
}

// A second Shutdown of a daemon that drains also returns at its end, whichever other
// clients connect meanwhile.
func TestShutdownOfLeavingDaemon(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		open, result := gated(t, connect(t, a))
		a.shutDown(t)
		r := a.dial(t)
		_, err := wire.Greet(r.reader, r.conn, r.endpoint.Key, r.hello())
		if _, ok := err.(*wire.RefusedError); !ok {
			t.Fatalf("the welcome of a daemon that leaves: %v", err)
		}
		r.send(t, wire.Frame{Kind: wire.KindShutdown, ID: 1, Body: marshal(t, wire.Shutdown{})})
		r.send(t, wire.Frame{Kind: wire.KindStatus, ID: 2})
		if f := r.next(t); f.Kind != wire.KindReply { // so it has read the shutdown
			t.Errorf("got a %v frame for a status", f.Kind)
		}
		for range 100 {
			conn, err := net.Dial(r.endpoint.Network, r.endpoint.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		ended := make(chan struct{})
		go func() {
			r.reader.Next()
			close(ended)
		}()
		if _, err := share(t, a).Status(t.Context()); err != nil { // all of them were seen
			t.Error(err)
		}
		select {
		case <-ended:
			t.Error("the connection ended before the daemon")
		default:
		}
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		<-ended
	})
}

// A daemon that is to exit if it is idle goes on while a client is connected, and while a
// call runs whose caller is gone.
func TestShutdownIfIdle(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		user := share(t, a)
		open, result := gated(t, mustConnect(t, user))
		r := a.greet(t)
		ask := func(id uint64) wire.Frame {
			r.send(t, wire.Frame{Kind: wire.KindShutdown, ID: id, Body: marshal(t, wire.Shutdown{Idle: true})})
			return r.next(t)
		}
		refused := func(id uint64, text string) {
			t.Helper()
			eventually(t, "in use: "+text, func() bool { // a call counts until a moment after its answer
				frame := ask(id)
				f, err := wire.ParseFailure(frame.Body)
				if frame.Kind != wire.KindError || frame.ID != id || err != nil || f.Code != wire.FailureInUse {
					t.Fatalf("got a %v frame for %d: %+v, %v; want %v: %s", frame.Kind, frame.ID, f, err, wire.FailureInUse, text)
				}
				return f.Text == text
			})
		}
		refused(1, "clients: 1, calls: 1")
		user.Close()
		if _, err := result(); !errors.Is(err, rt.ErrClosed) {
			t.Errorf("the call of the one who closed: %v", err)
		}
		a.clients(t, 0)
		refused(2, "clients: 0, calls: 1")
		open()
		eventually(t, "the daemon leaves", func() bool { return ask(3).Kind == wire.KindGoingAway })
		r.closed(t)
		eventually(t, "it has left", func() bool { return !a.alive(t) })
	})
}
