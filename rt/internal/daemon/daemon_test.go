package daemon

import (
	"log/slog"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// still is an object with a method that returns at once.
type still struct{}

func (*still) Ping() {}

// newStill returns a daemon with a still, for connections over pipes. Within synctest its
// idle time and deadlines pass at once.
func newStill(t *testing.T, idleTTL time.Duration) *Daemon {
	svc := &stub.Service{Name: "still", Methods: []stub.Method{{Name: "Ping", Func: (*still).Ping, Serve: func(run *stub.Run, target any) {
		if run.Begin() {
			target.(*still).Ping()
		}
	}}}}
	d := New(svc, Options{IdleTTL: idleTTL, Log: slog.New(slog.DiscardHandler), Exhausted: func() string { return "no descriptors" }})
	d.object = &still{}
	d.SetIdentity(Identity{Incarnation: "i", Address: "a"})
	d.Open()
	go func() { // ends when the daemon shuts down
		<-d.departing
		d.Depart()
		d.HangUp()
	}()
	t.Cleanup(func() {
		d.Leave("the test is over", true)
		time.Sleep(time.Minute) // of the bubble's time: all its goroutines have ended by then
	})
	return d
}

// dial returns a connection past the handshake.
func (d *Daemon) dial(t *testing.T) (net.Conn, *wire.Reader) {
	t.Helper()
	ours, theirs := net.Pipe()
	go d.ServeConn(theirs, Peer{})
	r := wire.NewReader(ours, 1<<20)
	e := d.identity.Load()
	if _, err := wire.Greet(r, ours, e.Key, wire.Hello{Incarnation: e.Incarnation, Address: e.Address, PID: os.Getpid()}); err != nil {
		t.Fatal(err)
	}
	return ours, r
}

// TestNoCallBeginsInALeavingDaemon shows that no call begins after Leave, not even one
// whose turn would come before Depart is called.
func TestNoCallBeginsInALeavingDaemon(t *testing.T) {
	d := New(&stub.Service{Name: "still"}, Options{IdleTTL: time.Hour, Log: slog.New(slog.DiscardHandler)})
	running, waiting := newTicket("A", stub.Exclusive, stub.Caller{}), newTicket("B", stub.Exclusive, stub.Caller{})
	d.turn.enter(running)
	d.turn.enter(waiting)
	d.Leave("told to", false) // this test does not call Depart
	d.turn.release(running)
	if err := d.turn.wait(t.Context(), waiting); err != errDraining {
		t.Errorf("the call that waited: %v, want %v", err, errDraining)
	}
}

// TestStalledFrame shows that a connection with an unfinished frame is closed after 10 s,
// and does not keep the daemon running. Silence between frames may last.
func TestStalledFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		conn, r := d.dial(t)
		defer conn.Close()
		time.Sleep(time.Hour)
		ping, err := (&wire.Frame{Kind: wire.KindCall, ID: 1, Body: []byte{0x80}}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(ping); err != nil {
			t.Fatalf("after an hour's silence: %v", err)
		}
		if f, err := r.Next(); err != nil || f.Kind != wire.KindReply {
			t.Fatalf("after an hour's silence: %v, %v", f.Kind, err)
		}
		began := time.Now()
		if _, err := conn.Write(ping[:7]); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err == nil {
			t.Fatal("half a frame was answered")
		}
		if took := time.Since(began); took != wire.FrameTime(0) {
			t.Errorf("closed after %v, want %v", took, wire.FrameTime(0))
		}
		<-d.departing
		if took := time.Since(began); took != wire.FrameTime(0)+time.Second {
			t.Errorf("the daemon shut down after %v, want the idle time later", took)
		}
	})
}

// TestFaultE02FirstClientMayBeLate shows that a daemon with a short idle time waits longer
// for its first client.
func TestFaultE02FirstClientMayBeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, 100*time.Millisecond)
		time.Sleep(2500 * time.Millisecond)
		conn, _ := d.dial(t)
		time.Sleep(time.Hour)
		synctest.Wait()
		if d.leaving != "" {
			t.Fatal("the daemon shut down although a client is connected")
		}
		closed := time.Now()
		conn.Close()
		<-d.departing
		if took := time.Since(closed); took != 100*time.Millisecond {
			t.Errorf("the daemon shut down %v after its last client, want 100ms", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		born := time.Now()
		d := newStill(t, 100*time.Millisecond)
		<-d.departing
		if took := time.Since(born); took != d.limits.firstClientGrace {
			t.Errorf("without any client the daemon shut down after %v, want %v", took, d.limits.firstClientGrace)
		}
	})
}

// TestSilentConnectionIsClosed shows that a silent connection is closed after two seconds,
// and does not keep the daemon running.
func TestSilentConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Millisecond)
		ours, theirs := net.Pipe()
		began := time.Now()
		go d.ServeConn(theirs, Peer{})
		if n, err := ours.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d bytes, %v; want an end without a byte", n, err)
		}
		if took := time.Since(began); took != d.limits.handshake {
			t.Errorf("closed after %v, want %v", took, d.limits.handshake)
		}
	})
}

// TestSlowMethodsRunElsewhere shows that a method that was slow the last time does not run
// on the reading goroutine, and that one that was fast does.
func TestSlowMethodsRunElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		takes := make(chan time.Duration, 1)
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() {
				time.Sleep(<-takes)
			}
		}
		conn, r := d.dial(t)
		defer conn.Close()
		for id, took := range []time.Duration{0, maxInlineTime, maxInlineTime + 1, 0, 0} {
			takes <- took
			frame, err := (&wire.Frame{Kind: wire.KindCall, ID: uint64(id + 1), Body: []byte{0x80}}).Append(nil)
			if err == nil {
				_, err = conn.Write(frame)
			}
			if err == nil {
				_, err = r.Next()
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := d.fast[0].Load(), took <= maxInlineTime; got != want {
				t.Errorf("after a call of %v the method counts as fast: %v", took, got)
			}
		}
	})
}

// TestLongInlineCallDoesNotBlockReading shows that another goroutine reads the connection
// while an inline call runs for long.
func TestLongInlineCallDoesNotBlockReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		d.fast[0].Store(true)
		entered, leave := make(chan struct{}), make(chan struct{})
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() {
				close(entered)
				<-leave
			}
		}
		conn, r := d.dial(t)
		defer conn.Close()
		for _, f := range []wire.Frame{{Kind: wire.KindCall, ID: 1, Body: []byte{0x80}}, {Kind: wire.KindStatus, ID: 2}} {
			frame, err := f.Append(nil)
			if err == nil {
				_, err = conn.Write(frame)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		<-entered
		began := time.Now()
		if f, err := r.Next(); err != nil || f.ID != 2 {
			t.Fatalf("frame %d, %v; want the status while the method runs", f.ID, err)
		}
		if took := time.Since(began); took > 5*inlineTick {
			t.Errorf("the connection was not read for %v", took)
		}
		close(leave)
		if f, err := r.Next(); err != nil || f.ID != 1 || f.Kind != wire.KindReply {
			t.Errorf("frame %d, %v; want the call's reply", f.ID, err)
		}
	})
}

// TestBlockedMethodDelaysReadingOnce shows that many calls of a method that was fast and
// blocks now delay the reading of the connection once, not once per call.
func TestBlockedMethodDelaysReadingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 100
		d := newStill(t, time.Second)
		d.svc.Methods[0].Mode = stub.Shared
		d.fast[0].Store(true)
		leave := make(chan struct{})
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() {
				<-leave
			}
		}
		conn, r := d.dial(t)
		defer conn.Close()
		var batch []byte
		for id := range uint64(calls + 1) {
			f := wire.Frame{Kind: wire.KindCall, ID: id + 1, Body: []byte{0x80}}
			if id == calls {
				f = wire.Frame{Kind: wire.KindStatus, ID: id + 1}
			}
			var err error
			if batch, err = f.Append(batch); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if _, err := conn.Write(batch); err != nil {
			t.Fatal(err)
		}
		if f, err := r.Next(); err != nil || f.ID != calls+1 {
			t.Fatalf("frame %d, %v; want the status while the methods run", f.ID, err)
		}
		if took := time.Since(began); took > 5*inlineTick {
			t.Errorf("the connection was not read for %v", took)
		}
		close(leave)
		for range calls {
			if f, err := r.Next(); err != nil || f.Kind != wire.KindReply {
				t.Fatalf("%v of call %d, %v; want a reply", f.Kind, f.ID, err)
			}
		}
	})
}

// TestRepliesOfABatch shows that the replies of fast calls that arrived together are
// written together, and do not wait for a slow call that arrived with them.
func TestRepliesOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fast = 50
		d := newStill(t, time.Second)
		d.fast[0].Store(true)
		leave := make(chan struct{})
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() && run.Caller.Call > fast {
				<-leave
			}
		}
		conn, r := d.dial(t)
		defer conn.Close()
		var batch []byte
		for id := range uint64(fast + 1) {
			var err error
			if batch, err = (&wire.Frame{Kind: wire.KindCall, ID: id + 1, Body: []byte{0x80}}).Append(batch); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := conn.Write(batch); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for id := range uint64(fast) {
			if f, err := r.Next(); err != nil || f.ID != id+1 || f.Kind != wire.KindReply {
				t.Fatalf("%v of call %d, %v; want the reply of %d", f.Kind, f.ID, err, id+1)
			}
			if !r.Ready() && id != fast-1 {
				t.Errorf("the reply of %d was not written with that of %d", id+2, id+1)
			}
		}
		if took := time.Since(began); took > 5*inlineTick {
			t.Errorf("the replies came after %v", took)
		}
		close(leave)
		if f, err := r.Next(); err != nil || f.ID != fast+1 || f.Kind != wire.KindReply {
			t.Errorf("%v of call %d, %v; want the reply of the slow call", f.Kind, f.ID, err)
		}
	})
}

// TestOneReaderAtATime shows that a goroutine that has taken over the reading and runs a
// call itself is not mistaken for the first one. Two readers would tear the frames.
func TestOneReaderAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		d.svc.Methods[0].Mode = stub.Shared
		d.fast[0].Store(true)
		entered := make(chan struct{})
		leave := map[uint64]chan struct{}{1: make(chan struct{}), 2: make(chan struct{})}
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() && run.Caller.Call <= 2 {
				entered <- struct{}{}
				<-leave[run.Caller.Call]
			}
		}
		conn, r := d.dial(t)
		defer conn.Close()
		call := func(id uint64) {
			frame, err := (&wire.Frame{Kind: wire.KindCall, ID: id, Body: []byte{0x80}}).Append(nil)
			if err == nil {
				_, err = conn.Write(frame)
			}
			if err != nil {
				t.Error(err)
			}
		}
		const calls = 100
		go func() {
			call(1)
			<-entered
			time.Sleep(10 * inlineTick) // another goroutine reads now,
			call(2)
			<-entered              // and runs the second call
			leave[1] <- struct{}{} // when the first ends
			for id := range uint64(calls) {
				if id == calls/2 {
					leave[2] <- struct{}{}
				}
				call(id + 3)
			}
		}()
		seen := map[uint64]bool{}
		for range 2 + calls {
			f, err := r.Next()
			if err != nil || f.Kind != wire.KindReply || seen[f.ID] {
				t.Fatalf("%v of call %d, %v", f.Kind, f.ID, err)
			}
			seen[f.ID] = true
		}
	})
}
