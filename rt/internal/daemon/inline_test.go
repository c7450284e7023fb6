package daemon

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

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
		entered, finish := make(chan struct{}), make(chan struct{})
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() {
				close(entered)
				<-finish
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
		close(finish)
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
		finish := make(chan struct{})
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() {
				<-finish
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
		close(finish)
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
		finish := make(chan struct{})
		begun := 0
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if !run.Begin() {
				return
			}
			if begun++; begun > fast {
				<-finish
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
		close(finish)
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
		finish := map[uint64]chan struct{}{1: make(chan struct{}), 2: make(chan struct{})}
		var begun atomic.Uint64
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if !run.Begin() {
				return
			}
			if call := begun.Add(1); call <= 2 {
				entered <- struct{}{}
				<-finish[call]
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
			<-entered               // and runs the second call
			finish[1] <- struct{}{} // when the first ends
			for id := range uint64(calls) {
				if id == calls/2 {
					finish[2] <- struct{}{}
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

// TestReplyDoesNotWaitForSlowCallBehindIt shows that a reply which is left for the calls
// that leave the queue behind it is written although the next one takes long.
func TestReplyDoesNotWaitForSlowCallBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		const calls = 4 // the first holds the turn, the second makes the method fast, the third is batched, the fourth is slow
		var gates [calls]chan struct{}
		for i := range gates {
			gates[i] = make(chan struct{})
		}
		close(gates[1])
		close(gates[2])
		begun := 0
		d.svc.Methods[0].Serve = func(run *stub.Run, target any) {
			if run.Begin() {
				begun++
				<-gates[begun-1]
			}
		}
		conn, r := d.dial(t)
		defer conn.Close()
		for id := range uint64(calls) {
			mustWrite(t, conn, callFrame(t, id+1))
		}
		time.Sleep(2 * maxInlineTime)
		synctest.Wait()
		close(gates[0])
		for id := range uint64(calls) {
			if id == calls-1 {
				close(gates[id])
			}
			if f, err := r.Next(); err != nil || f.ID != id+1 || f.Kind != wire.KindReply {
				t.Fatalf("%v of %d, %v; want the reply to %d", f.Kind, f.ID, err, id+1)
			}
		}
	})
}
