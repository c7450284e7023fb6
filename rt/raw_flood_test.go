//go:build unix

package rt_test

import (
	"math"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

func TestDeadlineOnTheWire(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
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
	eachTransport(t, func(t *testing.T, a singleton) {
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
