//go:build unix

package rt_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
)

// The window is counted by the daemon, too: what is beyond is not executed,
// and what is within all is.
func TestWindowOnTheWire(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		open, result := gated(t, c)
		r := a.greet(t)
		const sent, window = 10_000, 256
		var all []byte
		for id := range uint64(sent) {
			all = append(all, encoded(t, r.call(t, id+1, "Inc"))...)
		}
		r.write(t, all)
		for id := uint64(window + 1); id <= sent; id++ {
			if f := r.failure(t, id); f.Code != wire.FailureWindow || f.Executed {
				t.Fatalf("call %d: %+v, want %v", id, f, wire.FailureWindow)
			}
		}
		// Nobody else is in the way of that.
		if s, err := c.Environment(t.Context()); err != nil || s.PID == 0 {
			t.Error(err)
		}
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		seen := make([]bool, window)
		for range window {
			f := r.next(t)
			if f.Kind != wire.KindReply || f.ID < 1 || f.ID > window || seen[f.ID-1] {
				t.Fatalf("got a %v frame for %d", f.Kind, f.ID)
			}
			seen[f.ID-1] = true
		}
		if n, err := c.Value(t.Context()); n != 1+window || err != nil {
			t.Errorf("value %d, %v; want %d", n, err, 1+window)
		}
		// Their places are free again.
		r.send(t, r.call(t, sent+1, "Inc"))
		if n := r.value(t, sent+1); n != window+2 {
			t.Errorf("then %d, want %d", n, window+2)
		}
	})
}

// A client that does not read is hung up on before its replies fill the
// daemon's memory; meanwhile others are served.
func TestReaderThatDoesNotRead(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		r := a.greet(t)
		const each = 8 << 20
		for id := uint64(1); id <= 16; id++ {
			r.send(t, r.call(t, id, "Bytes", each))
		}
		for n := 1; ; n++ {
			if got, err := c.Inc(t.Context()); got != n || err != nil {
				t.Fatalf("another client: %d, %v; want %d", got, err, n)
			}
			s, err := share(t, a).Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Running)+len(s.Queued) == 0 && len(s.Clients) == 1 {
				break
			}
			if n > 10_000 {
				t.Fatal("it is still connected")
			}
		}
		if got := r.closed(t); len(got) > 16*each*3/4 {
			t.Errorf("%d MiB were kept for it", len(got)>>20)
		}
	})
}

func TestDeadlineOnTheWire(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		connect(t, a)
		r := a.greet(t)
		for id, deadline := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, 1 << 62} {
			f := r.call(t, uint64(id+1), "Inc")
			f.Deadline, f.Parent, f.Metadata = deadline, 99, map[string]string{"trace": "x"}
			r.send(t, f)
			if n := r.value(t, f.ID); n != id+1 {
				t.Errorf("%d ns left: %d", deadline, n)
			}
		}
		// In a queue that does not move, a call whose time is over leaves it.
		open, result := gated(t, connect(t, a))
		f := r.call(t, 10, "Inc")
		f.Deadline = 1
		r.send(t, f)
		if got := r.failure(t, 10); got.Code != wire.FailureDeadline || got.Executed {
			t.Errorf("1 ns left: %+v", got)
		}
		open()
		if n, err := result(); n != 4 || err != nil {
			t.Errorf("the running call: %d, %v; want 4", n, err)
		}
	})
}

// Frames that ask for little or nothing do not disturb, however many.
func TestFloods(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		connect(t, a)
		r := a.greet(t)
		var cancels []byte
		for id := range uint64(20_000) {
			cancels = append(cancels, encoded(t, wire.Frame{Kind: wire.KindCancel, ID: id})...)
		}
		r.write(t, cancels)
		r.send(t, r.call(t, 1, "Inc"))
		if n := r.value(t, 1); n != 1 { // a cancellation that came before its call is not kept
			t.Errorf("after cancellations: %d", n)
		}
		const looks = 500
		var statuses []byte
		for id := range uint64(looks) {
			statuses = append(statuses, encoded(t, wire.Frame{Kind: wire.KindStatus, ID: id})...)
		}
		r.write(t, statuses)
		for id := range uint64(looks) {
			if f := r.next(t); f.Kind != wire.KindReply || f.ID != id {
				t.Fatalf("got a %v frame for %d, want the status for %d", f.Kind, f.ID, id)
			}
		}
		for id := uint64(2); id < 2000; id++ {
			cancel := wire.Frame{Kind: wire.KindCancel, ID: id}
			r.send(t, r.call(t, id, "Inc"), cancel, cancel)
		}
		ran := 1
		for range 1998 {
			if f := r.next(t); f.Kind == wire.KindReply {
				ran++
			} else if fail, err := wire.ParseFailure(f.Body); err != nil || fail.Executed || fail.Code != wire.FailureCanceled && fail.Code != wire.FailureWindow {
				t.Fatalf("call %d: %+v, %v", f.ID, fail, err)
			}
		}
		if n, err := connect(t, a).Value(t.Context()); n != ran || err != nil {
			t.Errorf("value %d, %v; but %d calls were answered with a value", n, err, ran)
		}
	})
}

// Hundreds of connections that drip keep no honest client out.
func TestSlowStrangers(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		e := a.endpoint(t)
		for range 500 {
			conn, err := net.Dial(e.Network, e.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, greeting[:1]) // an error: it was closed to make room
		}
		began := time.Now()
		honest, err := share(t, a).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := honest.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("an honest client waited %v", took)
		}
		if n, err := c.Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("the client that was there before: %d, %v", n, err)
		}
	})
}

// The daemon admits so many clients and tells the next why not; those who are
// there do not notice.
func TestTooManyClients(t *testing.T) {
	t.Parallel()
	a := args{Dir: rttest.Dir(t), Name: "c"}
	c := connect(t, a)
	first := a.greet(t)
	for range 1022 {
		a.greet(t)
	}
	_, err := share(t, a).Connect(t.Context())
	if !errors.Is(err, rt.ErrTooManyClients) {
		t.Errorf("one too many was told: %v; want %v", err, rt.ErrTooManyClients)
	}
	if n, err := c.Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the first: %d, %v", n, err)
	}
	first.conn.Close()
	eventually(t, "there is room again", func() bool {
		_, err := share(t, a).Connect(context.Background())
		return err == nil
	})
}
