package rt

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/host"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// echoing has a method that returns what it is given. Nobody serves it: the tests
// below are its daemon.
type echoing struct{}

func (*echoing) Echo(p []byte) []byte { return p }

// peerOfLink is the daemon's end of a link.
type peerOfLink struct {
	net.Conn
	r *wire.Reader
}

// newPeer returns a client that is connected to it.
func newPeer(t *testing.T) (*client, peerOfLink) {
	t.Helper()
	svc := &stub.Service{Name: "echoing", Methods: []stub.Method{{Name: "Echo", Func: (*echoing).Echo}}}
	c := newClient(Config{Name: "echoing"}, svc, nil)
	e, err := host.NewEndpoint(start.Request{}, svc)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	limits := wire.Welcome{Calls: 256, Bytes: 1 << 20, Frame: 1 << 20}
	l := c.newLink(ours, wire.NewReader(ours, 1<<20), e, limits, nil)
	c.link = l
	go l.watch()
	t.Cleanup(func() { c.close(); theirs.Close() })
	return c, peerOfLink{theirs, wire.NewReader(theirs, 1<<20)}
}

// called is what became of a call.
type called struct {
	reply []byte
	err   error
}

// call calls the only method.
func (c *client) call(ctx context.Context, args func(*stub.Encoder), results func(*stub.Decoder)) error {
	return stub.Call(ctx, &conn{owner: &owner{c}}, c.svc.Methods[0].Name, args, results)
}

// echo calls in a goroutine of its own.
func (c *client) echo(ctx context.Context, p []byte) <-chan called {
	done := make(chan called, 1)
	go func() {
		var reply []byte
		err := c.call(ctx, func(e *stub.Encoder) { stub.Encode(e, p) }, func(d *stub.Decoder) { stub.Decode(d, &reply) })
		done <- called{reply, err}
	}()
	return done
}

func (c called) expect(t *testing.T, want []byte) {
	t.Helper()
	if c.err != nil || !bytes.Equal(c.reply, want) {
		t.Errorf("the call returned %d bytes, %v; want %d bytes", len(c.reply), c.err, len(want))
	}
}

// next returns the next frame, which is to be of that kind.
func (p peerOfLink) next(t *testing.T, kind wire.Kind) wire.Frame {
	t.Helper()
	f, err := p.r.Next()
	if err != nil || f.Kind != kind {
		t.Fatalf("a frame of kind %v, %v; want %v", f.Kind, err, kind)
	}
	return f
}

// frame returns the reply to a call of Echo.
func (p peerOfLink) frame(t *testing.T, call wire.Frame) []byte {
	t.Helper()
	frame, err := (&wire.Frame{Kind: wire.KindReply, ID: call.ID, Body: call.Body}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func (p peerOfLink) send(t *testing.T, b []byte) {
	t.Helper()
	if _, err := p.Write(b); err != nil {
		t.Fatal(err)
	}
}

// TestReadLoopHandOff shows that each call gets its own reply, whatever the order of the
// replies: a call that has its reply hands the reading off.
func TestReadLoopHandOff(t *testing.T) {
	for name, order := range map[string][]int{"first in": {0, 1, 2}, "last in": {2, 1, 0}, "the middle first": {1, 0, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := newPeer(t)
				var done []<-chan called
				var calls []wire.Frame
				for i := range order {
					done = append(done, c.echo(t.Context(), []byte{byte(i)}))
					calls = append(calls, p.next(t, wire.KindCall))
					synctest.Wait()
				}
				for _, i := range order {
					p.send(t, p.frame(t, calls[i]))
					(<-done[i]).expect(t, []byte{byte(i)})
				}
			})
		})
	}
}

// TestReadLoopReaderGivesUpWithinFrame shows that the next reader reads the rest of a
// reply if the context of the reader ends while the reply of another call arrives.
func TestReadLoopReaderGivesUpWithinFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newPeer(t)
		ctx, cancel := context.WithCancel(t.Context())
		reader := c.echo(ctx, []byte("short"))
		first := p.next(t, wire.KindCall)
		synctest.Wait() // it reads
		long := bytes.Repeat([]byte("long "), 20_000)
		other := c.echo(t.Context(), long)
		reply := p.frame(t, p.next(t, wire.KindCall))
		synctest.Wait()
		p.send(t, reply[:len(reply)/2])
		cancel()
		if f := p.next(t, wire.KindCancel); f.ID != first.ID {
			t.Errorf("call %d was cancelled, want %d", f.ID, first.ID)
		}
		p.send(t, reply[len(reply)/2:])
		(<-other).expect(t, long)
		var call *CallError
		if got := <-reader; !errors.As(got.err, &call) || !errors.Is(call, context.Canceled) || call.Outcome != OutcomeUnknown {
			t.Errorf("the call that was given up: %v, want cancelled with an unknown outcome", got.err)
		}
		if f := p.next(t, wire.KindAbandon); f.ID != first.ID {
			t.Errorf("call %d was abandoned, want %d", f.ID, first.ID)
		}
		// Its answer comes late, and is nobody's.
		p.send(t, p.frame(t, first))
		next := c.echo(t.Context(), []byte("next"))
		p.send(t, p.frame(t, p.next(t, wire.KindCall)))
		(<-next).expect(t, []byte("next"))
	})
}

// TestReadLoopCallAfterWithdrawnCall shows that calls write their own frames after a call
// was withdrawn before it was sent. The reader, which waits for the daemon, does not write
// them.
func TestReadLoopCallAfterWithdrawnCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newPeer(t)
		reader := c.echo(t.Context(), []byte("reader"))
		first := p.next(t, wire.KindCall)
		synctest.Wait()                               // it reads
		large := c.echo(t.Context(), []byte("large")) // is being written: nobody reads the pipe
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		withdrawn := c.echo(ctx, []byte("withdrawn"))
		synctest.Wait()
		cancel()
		var call *CallError
		if got := <-withdrawn; !errors.As(got.err, &call) || call.Outcome != OutcomeNotSent {
			t.Errorf("the call that was taken back: %v, want not sent", got.err)
		}
		second := p.next(t, wire.KindCall)
		synctest.Wait() // nobody writes
		next := c.echo(t.Context(), []byte("next"))
		third := p.next(t, wire.KindCall)
		for _, f := range []wire.Frame{third, second, first} {
			p.send(t, p.frame(t, f))
		}
		(<-next).expect(t, []byte("next"))
		(<-large).expect(t, []byte("large"))
		(<-reader).expect(t, []byte("reader"))
	})
}

// TestReadLoopStalledFrame shows that an unfinished frame ends the link, although readers
// whose contexts end meanwhile move the connection's deadline.
func TestReadLoopStalledFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newPeer(t)
		patient := c.echo(t.Context(), []byte("patient"))
		call := p.next(t, wire.KindCall)
		synctest.Wait()
		began := time.Now()
		p.send(t, p.frame(t, call)[:7])
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			got := c.echo(ctx, nil)
			f := p.next(t, wire.KindCall)
			for _, kind := range []wire.Kind{wire.KindCancel, wire.KindAbandon} {
				if told := p.next(t, kind); told.ID != f.ID {
					t.Errorf("a frame of kind %v for %d, want %d", kind, told.ID, f.ID)
				}
			}
			if err := (<-got).err; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the call with a deadline: %v", err)
			}
			cancel()
		}
		got := <-patient
		if took := time.Since(began); got.err == nil || took != wire.FrameTime(0) {
			t.Errorf("the link ended after %v with %v, want %v", took, got.err, wire.FrameTime(0))
		}
	})
}

// TestReadLoopWithoutCalls shows that a link without calls is read, so that the client
// knows of the end of the daemon before the next call.
func TestReadLoopWithoutCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newPeer(t)
		for range 3 {
			time.Sleep(time.Minute)
			done := c.echo(t.Context(), []byte("x"))
			p.send(t, p.frame(t, p.next(t, wire.KindCall)))
			(<-done).expect(t, []byte("x"))
		}
		going, err := wire.Marshal(wire.GoingAway{Last: 3, Reason: "idle"})
		if err != nil {
			t.Fatal(err)
		}
		frame, err := (&wire.Frame{Kind: wire.KindGoingAway, Body: going}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		p.send(t, frame)
		if _, err := p.r.Next(); err == nil {
			t.Error("the link did not close its connection")
		}
		if c.current() != nil {
			t.Error("the client still uses a daemon that shuts down")
		}
	})
}

// TestReadLoopWhileDecoding shows that a call does not read while it decodes its results:
// code of the user may decode them slowly, or call through the same link.
func TestReadLoopWhileDecoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newPeer(t)
		decoding, goOn := make(chan struct{}), make(chan struct{})
		slow := make(chan error, 1)
		go func() {
			slow <- c.call(t.Context(), func(e *stub.Encoder) { stub.Encode(e, []byte(nil)) }, func(d *stub.Decoder) {
				close(decoding)
				<-goOn
				var b []byte
				stub.Decode(d, &b)
			})
		}()
		p.send(t, p.frame(t, p.next(t, wire.KindCall)))
		<-decoding
		done := c.echo(t.Context(), []byte("x"))
		p.send(t, p.frame(t, p.next(t, wire.KindCall)))
		(<-done).expect(t, []byte("x"))
		close(goOn)
		if err := <-slow; err != nil {
			t.Error(err)
		}
	})
}

// TestReadLoopContextOfManyCalls shows that the watch on a context that comes twice in a
// row stays, that it interrupts a later call, and that it does not outlive the link.
func TestReadLoopContextOfManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newPeer(t)
		l := c.current()
		watched := func() bool {
			l.contexts.mu.Lock()
			defer l.contexts.mu.Unlock()
			return l.contexts.stop != nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for i := range 3 {
			done := c.echo(ctx, []byte("x"))
			p.send(t, p.frame(t, p.next(t, wire.KindCall)))
			(<-done).expect(t, []byte("x"))
			if got := watched(); got != (i > 0) {
				t.Errorf("after call %d its context is watched: %v", i+1, got)
			}
		}
		done := c.echo(ctx, []byte("x"))
		f := p.next(t, wire.KindCall)
		cancel()
		if canceled := p.next(t, wire.KindCancel); canceled.ID != f.ID {
			t.Errorf("call %d was canceled, want %d", canceled.ID, f.ID)
		}
		p.send(t, p.frame(t, f))
		(<-done).expect(t, []byte("x"))
		for range 2 {
			done := c.echo(t.Context(), []byte("x"))
			p.send(t, p.frame(t, p.next(t, wire.KindCall)))
			(<-done).expect(t, []byte("x"))
		}
		if !watched() {
			t.Error("the second context is not watched")
		}
		c.close()
		if watched() {
			t.Error("the watch outlives the link")
		}
	})
}
