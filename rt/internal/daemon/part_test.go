package daemon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// probeKind is a kind that the core does not know.
const probeKind = 200

// probe is a part that echoes frames of probeKind. It refuses calls, makes failures of
// successes, and counts connections.
type probe struct {
	refuse, fail atomic.Pointer[wire.Failure]
	connected    atomic.Int64

	mu     sync.Mutex
	events []string
}

func (p *probe) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, fmt.Sprintf(format, args...))
}

// noted returns the events since the last call.
func (p *probe) noted() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.events
	p.events = nil
	return events
}

func (p *probe) Connect(send func(wire.Frame)) stub.PartConn {
	p.connected.Add(1)
	return &probeConn{p, send}
}

func (p *probe) Status() string { return fmt.Sprintf("probe: connections: %d", p.connected.Load()) }

type probeConn struct {
	*probe
	send func(wire.Frame)
}

func (c *probeConn) Frame(f wire.Frame) bool {
	if f.Kind != probeKind {
		return false
	}
	c.send(wire.Frame{Kind: wire.KindReply, ID: f.ID, Body: bytes.Clone(f.Body)})
	return true
}

func (c *probeConn) Begin(call stub.PartCall) *wire.Failure {
	c.note("begin %d", call.ID)
	return c.refuse.Load()
}

func (c *probeConn) End(call stub.PartCall) *wire.Failure {
	c.note("end %d, begun: %v, failure: %v, over: %v", call.ID, call.Run.Begun(), call.Failure != nil, call.Over)
	return c.fail.Load()
}

func (c *probeConn) Close() {
	c.connected.Add(-1)
	c.note("close")
}

// newProbed returns a daemon with that part, and with nothing else that newStill's has not.
func newProbed(t *testing.T) (*Daemon, *probe) {
	p := new(probe)
	d := newStill(t, time.Second)
	d.svc.Part = func() stub.Part { return p }
	d.parts = d.makeParts()
	return d, p
}

// rawFrame returns a frame that wire does not send.
func rawFrame(kind wire.Kind, id uint64, body []byte) []byte {
	frame := make([]byte, wire.HeaderSize, wire.HeaderSize+len(body))
	binary.BigEndian.PutUint32(frame, uint32(len(body)))
	frame[4] = byte(kind)
	binary.BigEndian.PutUint64(frame[8:], id)
	return append(frame, body...)
}

// exchange writes a frame and returns the next one that the daemon sends.
func exchange(t *testing.T, conn net.Conn, r *wire.Reader, frame []byte) wire.Frame {
	t.Helper()
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// failureOf returns what an error frame says.
func failureOf(t *testing.T, f wire.Frame) (failure wire.Failure) {
	t.Helper()
	if f.Kind != wire.KindError {
		t.Fatalf("got a %v frame, want an error", f.Kind)
	}
	if err := wire.UnmarshalOpen(f.Body, &failure); err != nil {
		t.Fatal(err)
	}
	return failure
}

func TestPartTakesFramesOfUnknownKinds(t *testing.T) {
	large := bytes.Repeat([]byte{0xf6}, 100<<10) // not lent by the reader
	synctest.Test(t, func(t *testing.T) {
		d, _ := newProbed(t)
		conn, r := d.dial(t)
		defer conn.Close()
		for _, body := range [][]byte{nil, {0x80}, large} {
			if f := exchange(t, conn, r, rawFrame(probeKind, 7, body)); f.Kind != wire.KindReply || f.ID != 7 || !bytes.Equal(f.Body, body) {
				t.Errorf("%d bytes: got a %v frame of %d with %d bytes, want a reply of 7 with the same", len(body), f.Kind, f.ID, len(f.Body))
			}
		}
		if got := failureOf(t, exchange(t, conn, r, rawFrame(probeKind+1, 8, nil))); got.Code != wire.FailureUnsupported || got.Executed {
			t.Errorf("a kind that the part does not know either: %+v, want unsupported", got)
		}
		flagged := rawFrame(probeKind, 9, nil)
		flagged[5] = 1
		if got := failureOf(t, exchange(t, conn, r, flagged)); got.Code != wire.FailureUnsupported {
			t.Errorf("a frame with flags: %+v, want unsupported", got)
		}
	})
}

// Without a part the daemon refuses the same frames, and reads on.
func TestWithoutPartUnknownKindsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		conn, r := d.dial(t)
		defer conn.Close()
		for id, body := range [][]byte{nil, {0x80}, make([]byte, 100<<10)} {
			got := failureOf(t, exchange(t, conn, r, rawFrame(probeKind, uint64(id+1), body)))
			want := wire.Failure{Code: wire.FailureUnsupported, Text: (&wire.UnsupportedError{Kind: probeKind}).Error()}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		if f := exchange(t, conn, r, rawFrame(wire.KindCall, 9, []byte{0x80})); f.Kind != wire.KindReply {
			t.Errorf("the call after them: a %v frame, want a reply", f.Kind)
		}
	})
}

func TestPartSeesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, p := newProbed(t)
		called := 0
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() {
				called++
			}
		}
		conn, r := d.dial(t)
		expect := func(events ...string) {
			t.Helper()
			if got := p.noted(); !slices.Equal(got, events) {
				t.Errorf("got %q, want %q", got, events)
			}
		}
		call := func(id uint64) wire.Frame {
			t.Helper()
			return exchange(t, conn, r, rawFrame(wire.KindCall, id, []byte{0x80}))
		}

		if f := call(1); f.Kind != wire.KindReply || called != 1 {
			t.Errorf("got a %v frame, and %d calls of the method", f.Kind, called)
		}
		expect("begin 1", "end 1, begun: true, failure: false, over: <nil>")

		refusal := wire.Failure{Code: wire.FailureReentrant, Text: "not now"}
		p.refuse.Store(&refusal)
		if got := failureOf(t, call(2)); got != refusal || called != 1 {
			t.Errorf("got %+v, and %d calls of the method; want %+v and no call", got, called, refusal)
		}
		expect("begin 2") // and no end: the part did not let it begin
		p.refuse.Store(nil)

		failure := wire.Failure{Code: wire.FailureCanceled, Executed: true, Text: "the results are void"}
		p.fail.Store(&failure)
		if got := failureOf(t, call(3)); got != failure || called != 2 {
			t.Errorf("got %+v, and %d calls of the method; want %+v and one more", got, called, failure)
		}
		expect("begin 3", "end 3, begun: true, failure: false, over: <nil>")
		p.fail.Store(nil)

		if f := call(4); f.Kind != wire.KindReply {
			t.Errorf("the call after them: a %v frame, want a reply", f.Kind)
		}
		expect("begin 4", "end 4, begun: true, failure: false, over: <nil>")
		conn.Close()
		expect("close")
	})
}

// A method that runs when the connection ends is ended after it.
func TestPartSeesTheEndOfACallAfterThatOfItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, p := newProbed(t)
		finish := make(chan struct{})
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() {
				<-finish
			}
		}
		conn, _ := d.dial(t)
		if _, err := conn.Write(rawFrame(wire.KindCall, 1, []byte{0x80})); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		conn.Close()
		if got := p.noted(); !slices.Equal(got, []string{"begin 1", "close"}) {
			t.Errorf("got %q", got)
		}
		close(finish)
		if got := p.noted(); len(got) != 1 || got[0] != fmt.Sprintf("end 1, begun: true, failure: false, over: %v", errClientGone) {
			t.Errorf("got %q", got)
		}
	})
}

// TestPartRefusesAcquisition shows that a call that a part refuses or fails holds nothing.
func TestPartRefusesAcquisition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, p := newProbed(t)
		var locked atomic.Int64
		serve := func(change int64) func(run *stub.Run, target any) {
			return func(run *stub.Run, target any) {
				if run.Begin() {
					locked.Add(change)
				}
			}
		}
		d.svc.Methods = []stub.Method{
			{Name: "Lock", Mode: stub.Concurrent, End: "Unlock", Func: (*still).Ping, Serve: serve(1)},
			{Name: "Unlock", Mode: stub.Concurrent, Func: (*still).Ping, Serve: serve(-1)},
		}
		d.fast = make([]atomic.Bool, 2)
		d.methods, d.stats = d.svc.Methods, newTable(d.svc)
		d.parts = d.makeParts()
		conn, r := d.dial(t)
		id := uint64(0)
		call := func(method byte) wire.Frame {
			t.Helper()
			id++
			frame := rawFrame(wire.KindCall, id, []byte{0x80})
			frame[7] = method
			return exchange(t, conn, r, frame)
		}
		expect := func(what string, want int64) {
			t.Helper()
			synctest.Wait()
			if n := locked.Load(); n != want {
				t.Errorf("%s: held %d times, want %d", what, n, want)
			}
		}
		p.fail.Store(&wire.Failure{Code: wire.FailureCanceled, Executed: true})
		failureOf(t, call(0))
		expect("a Lock that the part has failed", 0)
		p.fail.Store(nil)

		call(0)
		expect("a Lock", 1)
		p.refuse.Store(&wire.Failure{Code: wire.FailureReentrant})
		failureOf(t, call(1))
		expect("an Unlock that the part has refused", 1)
		p.refuse.Store(nil)
		conn.Close()
		expect("the end of the connection", 0)
	})
}

func TestPartAddsToStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newProbed(t)
		conn, r := d.dial(t)
		defer conn.Close()
		var got struct{ Parts []string }
		f := exchange(t, conn, r, rawFrame(wire.KindStatus, 1, nil))
		if err := wire.UnmarshalOpen(f.Body, &got); err != nil || !slices.Equal(got.Parts, []string{"probe: connections: 1"}) {
			t.Errorf("status: %q, %v", got.Parts, err)
		}

		without := newStill(t, time.Second)
		conn, r = without.dial(t)
		defer conn.Close()
		f = exchange(t, conn, r, rawFrame(wire.KindStatus, 1, nil))
		var all map[string]any
		if err := wire.UnmarshalOpen(f.Body, &all); err != nil {
			t.Fatal(err)
		}
		if _, ok := all["Parts"]; ok {
			t.Error("the status of a daemon without a part has a field for it")
		}
	})
}

// A connection that fails the handshake has no part.
func TestPartSeesAdmittedConnectionsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, p := newProbed(t)
		ours, theirs := net.Pipe()
		go d.ServeConn(theirs, Peer{})
		go ours.Write(bytes.Repeat([]byte{'x'}, 64))
		io.Copy(io.Discard, ours)
		if got := p.noted(); len(got) != 0 || p.connected.Load() != 0 {
			t.Errorf("got %q", got)
		}
	})
}
