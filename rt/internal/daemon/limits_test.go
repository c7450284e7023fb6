package daemon

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// Every limit has a test. The limits of time are tested here, with a fake clock. The other
// limits are tested with real processes:
//
//	frame         TestFaultD11HugeHeader, TestFaultD15ArgumentTooLarge, TestFaultD16ReplyTooLarge
//	calls         TestFaultD10WindowExceeded
//	bytes         TestFaultD10MemoryOfTheWindow, TestFaultD10MemoryOfUnreadReplies
//	decoded       TestMemoryOfArgumentsIsBounded
//	clients       TestFaultC19TooManyClients
//	unauthenticated  TestMemoryBeforeAdmission, TestFaultC08Slowloris
//	handshake     TestFaultC09Silence
//	verdict       TestFaultD06CanceledWhileRunning
//	nesting, elements  TestLimitNestingAndElements

// callFrame returns the bytes of a call of the first method.
func callFrame(t *testing.T, id uint64, args ...any) []byte {
	t.Helper()
	body, err := wire.Marshal(append([]any{}, args...))
	if err != nil {
		t.Fatal(err)
	}
	frame, err := (&wire.Frame{Kind: wire.KindCall, ID: id, Body: body}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func mustWrite(t *testing.T, conn net.Conn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// hold makes the daemon's method wait until the test calls release.
func (d *Daemon) hold() (release func()) {
	gate := make(chan struct{})
	d.svc.Methods[0].Serve = func(run *stub.Run, _ any) {
		if run.Begin() {
			<-gate
		}
	}
	return sync.OnceFunc(func() { close(gate) })
}

// connCount returns how many connections are past the handshake.
func (d *Daemon) connCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.conns)
}

// TestLimitWindow shows that a call above the limit of calls, or of bytes, is refused, and
// that a call is accepted again when another has ended.
func TestLimitWindow(t *testing.T) {
	for name, test := range map[string]struct{ calls, bytes, each int }{
		"calls": {calls: 2, bytes: 1 << 20, each: 10},
		"bytes": {calls: 100, bytes: 2000, each: 900},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newStill(t, time.Second)
				d.limits.calls, d.limits.bytes = test.calls, test.bytes
				gate := make(chan struct{})
				release := sync.OnceFunc(func() { close(gate) })
				defer release()
				d.svc.Methods[0].Serve = func(run *stub.Run, _ any) {
					var b []byte
					stub.Decode(run.Args, &b)
					if run.Begin() {
						<-gate
					}
				}
				conn, r := d.dial(t)
				defer conn.Close()
				for id := uint64(1); id <= 3; id++ {
					mustWrite(t, conn, callFrame(t, id, make([]byte, test.each)))
				}
				f, err := r.Next()
				if err != nil || f.ID != 3 {
					t.Fatalf("a %v frame for %d, %v; want the third call's refusal", f.Kind, f.ID, err)
				}
				if fail, err := wire.ParseFailure(f.Body); err != nil || fail.Code != wire.FailureWindow || fail.Executed {
					t.Errorf("the third call: %+v, %v; want %v", fail, err, wire.FailureWindow)
				}
				release()
				for range 2 {
					if f, err := r.Next(); err != nil || f.Kind != wire.KindReply {
						t.Fatalf("a call within the window: a %v frame, %v", f.Kind, err)
					}
				}
				mustWrite(t, conn, callFrame(t, 4, make([]byte, test.each)))
				if f, err := r.Next(); err != nil || f.Kind != wire.KindReply || f.ID != 4 {
					t.Errorf("when there is room again: a %v frame, %v", f.Kind, err)
				}
			})
		})
	}
}

// TestLimitRepliesOfTheWindow shows that a client may call a method with large results as
// often as limits.calls allows: it is not disconnected because of unread replies, and other
// clients get the turn. Nothing of it is left when it disconnects or the daemon shuts down.
func TestLimitRepliesOfTheWindow(t *testing.T) {
	const calls, size = 256, 4 << 10
	behind := func(t *testing.T, mode stub.Mode) (*Daemon, net.Conn, *wire.Reader) {
		d := newStill(t, time.Hour)
		d.limits.bytes = 256 << 10 // 256 refusals take 40 KiB of it
		d.svc.Methods[0].Mode = mode
		d.svc.Methods[0].Serve = func(run *stub.Run, _ any) {
			if run.Begin() {
				stub.Encode(run.Results, make([]byte, size))
			}
		}
		conn, r := d.dial(t)
		for id := range uint64(calls) {
			mustWrite(t, conn, callFrame(t, id+1))
		}
		synctest.Wait()
		d.mu.Lock()
		defer d.mu.Unlock()
		for s := range d.conns {
			if got := s.out.Backlog(); got > d.limits.bytes {
				t.Errorf("%d bytes are kept for the client, want at most %d", got, d.limits.bytes)
			}
		}
		return d, conn, r
	}
	for _, mode := range []stub.Mode{stub.Exclusive, stub.Shared, stub.Concurrent} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, conn, r := behind(t, mode)
				defer conn.Close()
				other, otherR := d.dial(t)
				defer other.Close()
				mustWrite(t, other, callFrame(t, 1))
				if f, err := otherR.Next(); err != nil || f.Kind != wire.KindReply {
					t.Errorf("another client: %v, %v", f.Kind, err)
				}
				answered := map[uint64]bool{}
				for range calls {
					f, err := r.Next()
					if err != nil || f.Kind != wire.KindReply || len(f.Body) < size || answered[f.ID] {
						t.Fatalf("%v of %d, %v; want each call's reply", f.Kind, f.ID, err)
					}
					answered[f.ID] = true
				}
				mustWrite(t, conn, callFrame(t, calls+1))
				if f, err := r.Next(); err != nil || f.ID != calls+1 || f.Kind != wire.KindReply {
					t.Errorf("the next call: %v of %d, %v", f.Kind, f.ID, err)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				d, conn, _ := behind(t, mode)
				conn.Close()
				synctest.Wait()
				if d.running != 0 || len(d.turn.granted)+len(d.turn.waiting) > 0 {
					t.Errorf("%d calls of a client that is gone still run", d.running)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				d, conn, r := behind(t, mode)
				defer conn.Close()
				d.Leave("the test says so", false)
				answered := map[uint64]bool{}
				for range calls + 1 {
					f, err := r.Next()
					if err != nil || answered[f.ID] {
						t.Fatalf("%v of %d, %v; want each call's answer and going-away", f.Kind, f.ID, err)
					}
					answered[f.ID] = true
				}
			})
			synctest.Test(t, func(t *testing.T) {
				d, conn, _ := behind(t, mode)
				defer conn.Close()
				began := time.Now()
				d.Leave("the test says so", true)
				<-d.ctx.Done()
				synctest.Wait()
				d.mu.Lock()
				running := d.running
				d.mu.Unlock()
				if took := time.Since(began); running != 0 || took > 0 {
					t.Errorf("%d calls wait for a client that does not read, after %v", running, took)
				}
			})
		})
	}
}

// TestLimitClients shows that one connection more than limits.clients may only observe, and
// that one more than limits.observers is closed.
func TestLimitClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		d.limits.clients, d.limits.observers = 2, 1
		e := d.identity.Load()
		greet := func() (net.Conn, *wire.Reader, error) {
			ours, theirs := net.Pipe()
			go d.ServeConn(theirs, Peer{})
			r := wire.NewReader(ours, 1<<20)
			_, err := wire.Greet(r, ours, e.Key, wire.Hello{Incarnation: e.Incarnation, Address: e.Address})
			return ours, r, err
		}
		for range 2 {
			conn, _, err := greet()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		conn, r, err := greet()
		var refused *wire.RefusedError
		if !errors.As(err, &refused) || refused.Welcome.Code != wire.WelcomeTooManyClients {
			t.Fatalf("the third was told: %v", err)
		}
		defer conn.Close()
		mustWrite(t, conn, callFrame(t, 1))
		if f, err := r.Next(); err != nil || f.Kind != wire.KindError {
			t.Errorf("its call: a %v frame, %v; want an error", f.Kind, err)
		}
		status, err := (&wire.Frame{Kind: wire.KindStatus, ID: 2}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, conn, status)
		if f, err := r.Next(); err != nil || f.Kind != wire.KindReply {
			t.Errorf("its look: a %v frame, %v; want the status", f.Kind, err)
		}
		conn, r, _ = greet()
		if f, err := r.Next(); err == nil {
			t.Errorf("the fourth got a %v frame", f.Kind)
		}
		conn.Close()
		synctest.Wait()
		if n := d.connCount(); n != 3 {
			t.Errorf("%d are past the handshake, want 3", n)
		}
	})
}

// TestLimitUnauthenticated shows that the oldest of too many unauthenticated connections is
// closed at once, and the others after limits.handshake.
func TestLimitUnauthenticated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		d.limits.unauthenticated = 3
		began := time.Now()
		closed := make([]time.Duration, 5)
		var all sync.WaitGroup
		for i := range closed {
			ours, theirs := net.Pipe()
			go d.ServeConn(theirs, Peer{})
			synctest.Wait()
			all.Go(func() {
				io.Copy(io.Discard, ours)
				closed[i] = time.Since(began)
			})
		}
		all.Wait()
		want := []time.Duration{0, 0, d.limits.handshake, d.limits.handshake, d.limits.handshake}
		if !slices.Equal(closed, want) {
			t.Errorf("closed after %v, want %v", closed, want)
		}
	})
}

// TestLimitFrameDeadline shows that a frame that arrives slowly has 10 s, and a second more
// for every MiB that it announces.
func TestLimitFrameDeadline(t *testing.T) {
	for size, want := range map[int]time.Duration{
		1 << 10:       10 * time.Second,
		1 << 20:       11 * time.Second,
		wire.MaxFrame: 26 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newStill(t, time.Second)
			conn, r := d.dial(t)
			defer conn.Close()
			header := callFrame(t, 1)[:wire.HeaderSize]
			binary.BigEndian.PutUint32(header, uint32(size))
			began := time.Now()
			mustWrite(t, conn, header)
			go func() { // ends when the connection does
				for {
					if _, err := conn.Write([]byte{0}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			if f, err := r.Next(); err == nil {
				t.Fatalf("got a %v frame", f.Kind)
			}
			if took := time.Since(began); took != want {
				t.Errorf("%d bytes: closed after %v, want %v", size, took, want)
			}
		})
	}
}

// TestLimitWrite shows that a client that does not read is disconnected after limits.write.
func TestLimitWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		conn, _ := d.dial(t)
		defer conn.Close()
		mustWrite(t, conn, callFrame(t, 1))
		time.Sleep(d.limits.write - time.Millisecond)
		synctest.Wait()
		if n := d.connCount(); n != 1 {
			t.Errorf("it was disconnected before %v", d.limits.write)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := d.connCount(); n != 0 {
			t.Errorf("it is still connected after %v", d.limits.write)
		}
	})
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
		d.Leave("the test says so", false)
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
		d.Leave("the test says so", true)
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

// bare is a listener of a process without free descriptors.
type bare struct {
	net.Listener
	asked  int
	closed atomic.Bool
}

func (l *bare) Accept() (net.Conn, error) {
	if l.closed.Load() {
		return nil, net.ErrClosed
	}
	l.asked++
	return nil, syscall.EMFILE
}

// TestLimitAcceptPause shows that a daemon without free descriptors pauses between its
// attempts to accept.
func TestLimitAcceptPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		l := &bare{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.AcceptAll(l, func(net.Conn) (Peer, error) { return Peer{}, nil })
		}()
		time.Sleep(10*time.Second + d.limits.acceptPause/2)
		synctest.Wait()
		// The daemon tries at once with each descriptor of its reserve.
		if want := int(10*time.Second/d.limits.acceptPause) + 1; l.asked < want || l.asked > want+sock.Reserved {
			t.Errorf("in 10s it tried %d times, want %d, and up to %d with the reserve", l.asked, want, sock.Reserved)
		}
		l.closed.Store(true)
		<-done
	})
}

// TestLimitListed shows that Status lists limits.listed calls and counts all.
func TestLimitListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		d.limits.listed = 3
		release := d.hold()
		defer release()
		conn, _ := d.dial(t)
		defer conn.Close()
		for id := uint64(1); id <= 6; id++ {
			mustWrite(t, conn, callFrame(t, id))
		}
		synctest.Wait()
		if s := d.status(); len(s.Running) != 1 || len(s.Queued) != 2 || s.Waiting != 5 {
			t.Errorf("%d running and %d queued are listed, %d counted; want 1, 2 and 5", len(s.Running), len(s.Queued), s.Waiting)
		}
	})
}

// TestLimitPanicText shows that the daemon cuts a panic's value, which it keeps for Status
// and writes to the log.
func TestLimitPanicText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		d.svc.Methods[0].Serve = func(run *stub.Run, _ any) {
			if run.Begin() {
				panic(strings.Repeat("x", 20<<20))
			}
		}
		conn, r := d.dial(t)
		defer conn.Close()
		mustWrite(t, conn, callFrame(t, 1))
		if f, err := r.Next(); err != nil || f.Kind != wire.KindError || len(f.Body) > 3*wire.MaxText {
			t.Errorf("a %v frame of %d bytes, %v", f.Kind, len(f.Body), err)
		}
		if n := len(d.status().LastPanic); n < 1000 || n > 1100 {
			t.Errorf("Status keeps %d bytes of it", n)
		}
	})
}
