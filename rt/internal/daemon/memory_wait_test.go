package daemon

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/quota"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// TestLimitDecoded shows that a call waits without the turn for memory that other calls of
// its connection have. Its deadline and its cancellation end the wait. Small calls and
// calls of other connections go on. A call that needs more than the quota runs alone.
func TestLimitDecoded(t *testing.T) {
	const size, small = 100 << 10, 1 << 10
	for _, mode := range []stub.Mode{stub.Exclusive, stub.Shared, stub.Concurrent} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newStill(t, time.Hour)
				d.limits.decoded, d.limits.small = 2*size, small
				began, opened := make(chan int, 100), make(chan struct{})
				read := stub.Method{Name: "Ping", Mode: mode, Out: []int{0}, Func: func(*still, []byte) {}, Serve: func(run *stub.Run, _ any) {
					var p []byte
					stub.DecodeArg(run, &p)
					if run.Begin() {
						began <- len(p)
						if len(p) == size {
							<-opened
						}
					}
				}}
				d.svc.Methods[0] = read
				conn, r := d.dial(t)
				defer conn.Close()
				send := func(id uint64, n int, deadline time.Duration) {
					t.Helper()
					body, err := wire.Marshal([]int{n})
					if err != nil {
						t.Fatal(err)
					}
					frame, err := (&wire.Frame{Kind: wire.KindCall, ID: id, Body: body, Deadline: deadline}).Append(nil)
					if err != nil {
						t.Fatal(err)
					}
					mustWrite(t, conn, frame)
					synctest.Wait()
				}
				fails := func(id uint64, code wire.FailureCode) {
					t.Helper()
					f, err := r.Next()
					if err != nil || f.Kind != wire.KindError || f.ID != id {
						t.Fatalf("a %v frame for %d, %v; want an error for %d", f.Kind, f.ID, err, id)
					}
					if fail, err := wire.ParseFailure(f.Body); err != nil || fail.Code != code || fail.Executed {
						t.Errorf("call %d: %+v, %v; want %v", id, fail, err, code)
					}
				}
				send(1, size, 0)
				send(2, size, 0) // all memory is acquired
				running := len(began)
				send(3, size, time.Second)
				send(4, size, 0)
				send(5, 10*size, 0)
				send(6, small+1, 0) // waits behind the fifth, although it needs less
				if n := len(began); n != running {
					t.Errorf("%d calls began without memory", n-running)
				}
				time.Sleep(time.Second)
				fails(3, wire.FailureDeadline)
				cancel, err := (&wire.Frame{Kind: wire.KindCancel, ID: 4}).Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				mustWrite(t, conn, cancel)
				fails(4, wire.FailureCanceled)
				if mode != stub.Exclusive { // otherwise the first call has the turn
					send(7, small, 0)
					if f, err := r.Next(); err != nil || f.Kind != wire.KindReply || f.ID != 7 {
						t.Errorf("a small call: a %v frame for %d, %v", f.Kind, f.ID, err)
					}
					other, otherR := d.dial(t)
					defer other.Close()
					mustWrite(t, other, callFrame(t, 1, small+1))
					if f, err := otherR.Next(); err != nil || f.Kind != wire.KindReply {
						t.Errorf("another connection's call: a %v frame, %v", f.Kind, err)
					}
				}
				close(opened)
				var answered []uint64
				for range 4 {
					f, err := r.Next()
					if err != nil || f.Kind != wire.KindReply {
						t.Fatalf("when there is memory again: a %v frame for %d, %v", f.Kind, f.ID, err)
					}
					answered = append(answered, f.ID)
				}
				slices.Sort(answered)
				if !slices.Equal(answered, []uint64{1, 2, 5, 6}) {
					t.Errorf("answered are %v, want 1, 2, 5 and 6", answered)
				}
				synctest.Wait()
				for s := range d.conns {
					for _, q := range []*quota.Quota{s.memory.turns, s.memory.concurrent} {
						if !q.Try(d.limits.decoded) {
							t.Errorf("after all calls not all of the %d bytes are free", d.limits.decoded)
						}
					}
				}
			})
		})
	}
}

// TestLimitDecodedWhenItIsOver shows that a call that waits for memory ends when its
// connection ends, and when the daemon shuts down.
func TestLimitDecodedWhenItIsOver(t *testing.T) {
	for name, over := range map[string]func(d *Daemon, hangUp func()){
		"connection": func(_ *Daemon, hangUp func()) { hangUp() },
		"now":        func(d *Daemon, _ func()) { d.BeginShutdown("the test says so", true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newStill(t, time.Hour)
				d.limits.decoded, d.limits.small = 100, 10
				d.svc.Methods[0] = stub.Method{Name: "Ping", Mode: stub.Concurrent, Out: []int{0}, Func: func(*still, []byte) {}, Serve: func(run *stub.Run, _ any) {
					var p []byte
					stub.DecodeArg(run, &p)
					if run.Begin() {
						<-run.Context().Done()
					}
				}}
				conn, _ := d.dial(t)
				defer conn.Close()
				for id := range uint64(5) {
					mustWrite(t, conn, callFrame(t, id+1, 100))
				}
				synctest.Wait()
				over(d, func() { conn.Close() })
				time.Sleep(time.Millisecond)
				synctest.Wait()
				d.mu.Lock()
				defer d.mu.Unlock()
				if d.running != 0 {
					t.Errorf("%d calls have not ended", d.running)
				}
			})
		})
	}
}

// TestLimitDecodedInline shows that a call that would run on the reading goroutine, and has
// to wait for memory, does not block the reading.
func TestLimitDecodedInline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		d.limits.decoded, d.limits.small = 1000, 10
		opened := make(chan struct{})
		method := func(name string, serve func()) stub.Method {
			return stub.Method{Name: name, Mode: stub.Shared, Out: []int{0}, Func: func(*still, []byte) {}, Serve: func(run *stub.Run, _ any) {
				var p []byte
				stub.DecodeArg(run, &p)
				if run.Begin() {
					serve()
				}
			}}
		}
		svc := &stub.Service{Name: "still", Methods: []stub.Method{
			method("Hold", func() { <-opened }),
			method("Ping", func() {}),
		}}
		d.svc, d.methods, d.fast, d.stats = svc, svc.Methods, make([]atomic.Bool, 2), newTable(svc)
		conn, r := d.dial(t)
		defer conn.Close()
		send := func(f wire.Frame) {
			t.Helper()
			frame, err := f.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			mustWrite(t, conn, frame)
			synctest.Wait()
		}
		call := func(id uint64, method uint16, n int) {
			t.Helper()
			body, err := wire.Marshal([]int{n})
			if err != nil {
				t.Fatal(err)
			}
			send(wire.Frame{Kind: wire.KindCall, Method: method, ID: id, Body: body})
		}
		answered := func(id uint64, kind wire.Kind) {
			t.Helper()
			if f, err := r.Next(); err != nil || f.Kind != kind || f.ID != id {
				t.Fatalf("a %v frame for %d, %v; want a %v frame for %d", f.Kind, f.ID, err, kind, id)
			}
		}
		call(1, 1, 1)
		answered(1, wire.KindReply)
		if !d.fast[1].Load() {
			t.Fatal("the next call would not run on the reading goroutine")
		}
		call(2, 0, 1000)
		call(3, 1, 1000) // waits
		time.Sleep(time.Second)
		call(4, 1, 1)
		answered(4, wire.KindReply)
		call(5, 1, 1000) // waits, too
		time.Sleep(time.Second)
		send(wire.Frame{Kind: wire.KindCancel, ID: 3})
		answered(3, wire.KindError)
		close(opened)
		answered(2, wire.KindReply)
		answered(5, wire.KindReply)
	})
}
