package daemon

import (
	"encoding/binary"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// Every limit has a test. The limits of time are tested here, with a fake clock. The other
// limits are tested with real processes:
//
//	frame              TestHugeHeader, TestArgumentTooLarge, TestReplyTooLarge
//	calls              TestQuotaExceeded
//	bytes              TestMemoryWithinTheQuota, TestMemoryOfUnreadReplies
//	decoded            TestMemoryOfArgumentsIsBounded
//	clients            TestTooManyClients
//	unauthenticated    TestMemoryBeforeAdmission, TestSlowloris
//	handshake          TestSilentConnectionIsClosed
//	verdict            TestCanceledWhileRunning
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
// clients get the turn. Nothing of it is held when it disconnects or the daemon shuts down.
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
				d.BeginShutdown("the test says so", false)
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
				d.BeginShutdown("the test says so", true)
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
