package value_test

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// user has ten fields.
type user struct {
	ID      int64
	Name    string
	Email   string
	Age     int
	Active  bool
	Balance float64
	Tags    []string
	Meta    map[string]string
	Created int64
	Role    string
}

var ada = user{
	1 << 40, "Ada Lovelace", "ada@example.com", 36, true, 129.95,
	[]string{"poet", "analyst"}, map[string]string{"channel": "web", "agent": "x"}, 1e9, "first",
}

// BenchmarkValue measures a value. Floor: the CBOR library, on the same value in the same
// run; x/cbor is how many times as long a Writer or Reader takes.
func BenchmarkValue(b *testing.B) {
	ints, counts := make([]int, 100), make(map[string]int)
	for i := range ints {
		ints[i] = i * i
		counts["word "+strconv.Itoa(i)] = i
	}
	compare(b, "User", ada)
	compare(b, "Users", slices.Repeat([]user{ada}, 50))
	compare(b, "Ints", ints)
	compare(b, "Counts", counts)
}

func compare[T any](b *testing.B, name string, v T) {
	options := cbor.CoreDetEncOptions()
	options.NilContainers = cbor.NilContainerAsNull
	library, err := options.UserBufferEncMode()
	if err != nil {
		b.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	e := newEngine[T]()
	item := bytes.Clone(e.encode(b, v))
	var buf bytes.Buffer
	b.Run(name+"/encode", func(b *testing.B) {
		duel(b, func() { e.encode(b, v) }, func() {
			buf.Reset()
			must(library.MarshalToBuffer(v, &buf))
		})
	})
	b.Run(name+"/decode", func(b *testing.B) {
		duel(b, func() { e.decode(b, item) }, func() {
			var v T
			must(cbor.Unmarshal(item, &v))
		})
	})
}

// engine encodes and decodes values in one variable, as package stub does.
type engine[T any] struct {
	w    value.Writer
	r    value.Reader
	plan *value.Plan
	kept *T
	v    reflect.Value
	buf  []byte
}

func newEngine[T any]() *engine[T] {
	e := &engine[T]{r: value.NewReader(table, nil), plan: value.PlanOf(reflect.TypeFor[T]()), kept: new(T)}
	e.v = reflect.ValueOf(e.kept).Elem()
	return e
}

func (e *engine[T]) encode(t testing.TB, v T) []byte {
	e.w.Reset(table, 0, 16<<20)
	*e.kept = v
	b, err := e.w.Append(e.buf[:0], e.plan, e.v)
	if err != nil {
		t.Fatal(err)
	}
	e.v.SetZero()
	e.buf = b
	return b
}

func (e *engine[T]) decode(t testing.TB, item []byte) (v T) {
	if _, err := e.r.Read(item, e.plan, e.v); err != nil {
		t.Fatal(err)
	}
	v = *e.kept
	e.v.SetZero()
	return v
}

// duel lets both have rounds in turn, so that the load of the machine meets both, and
// reports the medians of the rounds.
func duel(b *testing.B, engine, library func()) {
	// A round is much shorter than a time slice, so most are not interrupted.
	library()
	begin := time.Now()
	library()
	times := max(1, int(50*time.Microsecond/time.Since(begin)))
	all := []func(){engine, library}
	rounds := make([][]float64, len(all))
	for b.Loop() {
		for i, once := range all {
			begin := time.Now()
			for range times {
				once()
			}
			rounds[i] = append(rounds[i], float64(time.Since(begin).Nanoseconds())/float64(times))
		}
	}
	middle := func(i int) float64 {
		slices.Sort(rounds[i])
		return rounds[i][len(rounds[i])/2]
	}
	b.ReportMetric(0, "ns/op") // of a round: says nothing
	b.ReportMetric(middle(0), "ns/value")
	b.ReportMetric(middle(1), "ns/cbor")
	b.ReportMetric(middle(0)/middle(1), "x/cbor")
	b.ReportMetric(testing.AllocsPerRun(20, engine), "allocs/value")
	b.ReportMetric(testing.AllocsPerRun(20, library), "allocs/cbor")
}

func TestAllocations(t *testing.T) {
	e := newEngine[user]()
	item := bytes.Clone(e.encode(t, ada))
	if n := testing.AllocsPerRun(100, func() { e.encode(t, ada) }); n > 0 {
		t.Errorf("encoding a struct takes %v allocations, want 0", n)
	}
	// Three strings, a list of two, and a map of two pairs.
	if n := testing.AllocsPerRun(100, func() { e.decode(t, item) }); n > 12 {
		t.Errorf("decoding a struct takes %v allocations, want at most 12", n)
	}
	scalar := newEngine[double]()
	item = bytes.Clone(scalar.encode(t, 2.5))
	if n := testing.AllocsPerRun(100, func() { scalar.decode(t, scalar.encode(t, 2.5)) }); n > 0 {
		t.Errorf("a named scalar takes %v allocations, want 0", n)
	}
}
