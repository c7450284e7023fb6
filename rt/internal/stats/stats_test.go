package stats_test

import (
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/stats"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

func TestNumbers(t *testing.T) {
	table := stats.New([]string{"Inc", "Get"})
	m := table.Method(0)
	for _, d := range []time.Duration{-1, 0, 1, 1000, 1001, 2000, 2001, 1 << 22 * time.Microsecond, 1<<22*time.Microsecond + 1, 1 << 62} {
		m.Executed(d, 0, 3, 2)
	}
	for range 8 {
		m.OK()
	}
	m.Error()
	m.Failed(wire.FailurePanic)
	m.Refused(wire.FailureCanceled)
	m.Refused(wire.FailureCanceled)
	m.Refused(99)
	run := make([]uint64, stats.Buckets)
	run[0], run[1], run[2], run[22], run[23] = 4, 2, 1, 1, 2
	want := stats.Numbers{
		Calls: 10, Errors: 1, Failed: map[string]uint64{"panic": 1}, Refused: map[string]uint64{"canceled": 2}, Received: 30, Sent: 20,
		Ran: 1 + 1000 + 1001 + 2000 + 2001 + 1<<23*time.Microsecond + 1 + 1<<62, RunTimes: run, WaitTimes: []uint64{10},
	}
	if got := table.Totals(0); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := table.All(); len(got.Methods) != 1 || table.Executed() != 10 {
		t.Errorf("%+v, %d executed", got, table.Executed())
	}
}

// The totals of a daemon are those of its predecessor and its own.
func TestFile(t *testing.T) {
	first := stats.New([]string{"Inc", "Gone"})
	first.Method(0).Executed(time.Millisecond, 3*time.Microsecond, 1, 1)
	first.Method(0).Failed(wire.FailureTooLarge)
	first.Method(1).Refused(wire.FailureDraining)
	first.Started(true)
	first.RefuseConnection(wire.WelcomeNotAllowed)
	data, err := stats.Encode("pkg.Counter", first.All())
	if err != nil {
		t.Fatal(err)
	}
	file, err := stats.Parse(data)
	if err != nil || file.Service != "pkg.Counter" || !reflect.DeepEqual(file.Totals, first.All()) {
		t.Fatalf("%+v, %v", file, err)
	}
	second := stats.New([]string{"Get", "Inc"})
	second.Include(file.Totals)
	second.Started(false)
	second.RefuseConnection(wire.WelcomeNotAllowed)
	second.Method(1).Executed(1, 0, 1, 1)
	second.Method(1).Failed(wire.FailureTooLarge)
	want := stats.Numbers{
		Calls: 2, Failed: map[string]uint64{"result too large": 2}, Received: 2, Sent: 2, Ran: time.Millisecond + 1, Waited: 3 * time.Microsecond,
		RunTimes: []uint64{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, WaitTimes: []uint64{1, 0, 1},
	}
	got := second.All()
	if len(got.Methods) != 1 || !reflect.DeepEqual(got.Methods["Inc"], want) {
		t.Errorf("got  %+v\nwant %+v", got.Methods, want)
	}
	if !maps.Equal(got.Starts, map[string]uint64{"ok": 1, "failed": 1}) || !maps.Equal(got.RefusedConnections, map[string]uint64{"not allowed": 2}) {
		t.Errorf("starts %v, refused connections %v", got.Starts, got.RefusedConnections)
	}
	if second.Executed() != 1 || !reflect.DeepEqual(file.Totals, first.All()) {
		t.Errorf("%d executed, file %+v", second.Executed(), file)
	}
}

func TestDamagedFile(t *testing.T) {
	good, err := stats.Encode("s", stats.Totals{Methods: map[string]stats.Numbers{"Inc": {Calls: 1, RunTimes: []uint64{1}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stats.Parse(good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if _, err := stats.Parse(good[:i]); err == nil {
			t.Errorf("the first %d bytes are valid", i)
		}
	}
	for name, n := range map[string]stats.Numbers{
		"sum":     {Calls: 1, RunTimes: []uint64{1, 1}},
		"errors":  {Calls: 1, Errors: 1, Failed: map[string]uint64{"panic": 1}},
		"time":    {Ran: -1},
		"wait":    {Waited: -1},
		"buckets": {WaitTimes: make([]uint64, stats.Buckets+1)},
	} {
		data, err := stats.Encode("s", stats.Totals{Methods: map[string]stats.Numbers{"Inc": n}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stats.Parse(data); err == nil {
			t.Errorf("%s: valid", name)
		}
	}
}

// No call is lost, and none counted twice.
func TestConcurrentCalls(t *testing.T) {
	const goroutines, calls = 8, 1000
	table := stats.New([]string{"Inc"})
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range calls {
				table.Method(0).OK()
				table.Method(0).Executed(time.Duration(i*g)*time.Microsecond, time.Duration(i), 1, 2)
				table.Totals(0)
			}
		})
	}
	all.Wait()
	if n := table.Totals(0); n.Calls != goroutines*calls || n.Received != goroutines*calls || n.Sent != 2*goroutines*calls {
		t.Errorf("%+v", n)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := stats.New([]string{"Inc"}).Method(0)
	if n := testing.AllocsPerRun(100, func() {
		m.OK()
		m.Executed(5*time.Microsecond, time.Microsecond, 10, 10)
		m.Error()
		m.Failed(wire.FailurePanic)
		m.Refused(wire.FailureWindow)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// While calls with all outcomes are counted, no number falls from one reading to the next, and
// no histogram has more calls than were executed.
func TestCountersNeverFall(t *testing.T) {
	table := stats.New([]string{"Inc"})
	m := table.Method(0)
	var stop atomic.Bool
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for !stop.Load() {
				for _, count := range []func(){m.OK, m.Error, func() { m.Failed(wire.FailurePanic) }} {
					count()
					m.Executed(time.Microsecond, 0, 1, 1)
				}
			}
		})
	}
	var last stats.Numbers
	var lastOK, lastAll uint64
	for range 20_000 {
		n, executed := table.Totals(0), table.Executed()
		ok := n.Calls - n.Errors - n.Failed["panic"]
		if ok < lastOK || n.Errors < last.Errors || n.Failed["panic"] < last.Failed["panic"] || n.Calls < last.Calls || executed < lastAll {
			t.Errorf("%d calls without an error and %+v, then %d and %+v", lastOK, last, ok, n)
		}
		if ran := n.RunTimes; len(ran) > 0 && ran[0] > n.Calls {
			t.Errorf("%d calls in the histogram, %d executed", ran[0], n.Calls)
		}
		last, lastOK, lastAll = n, ok, executed
	}
	stop.Store(true)
	all.Wait()
}

func BenchmarkExecuted(b *testing.B) {
	m := stats.New([]string{"Inc"}).Method(0)
	for b.Loop() {
		m.OK()
		m.Executed(5*time.Microsecond, 300, 10, 10)
	}
}

// All processors count calls of one method, as only a concurrent one has them.
func BenchmarkContended(b *testing.B) {
	m := stats.New([]string{"Inc"}).Method(0)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.OK()
			m.Executed(5*time.Microsecond, 300, 10, 10)
		}
	})
}
