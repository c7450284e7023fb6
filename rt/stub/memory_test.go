package stub_test

import (
	"context"
	"errors"
	"math"
	"math/big"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// sparse has only fields that are left out when they are empty.
type sparse struct {
	Name   string         `json:"name,omitempty"`
	Number int            `json:"number,omitempty"`
	Tags   []string       `json:"tags,omitempty"`
	Meta   map[string]int `json:"meta,omitempty"`
	Next   *sparse        `json:"next,omitempty"`
}

type order struct {
	Customer string
	Lines    []sparse
	Tags     []string
	Meta     map[string]string
}

// vast is a large struct of which all can be left out.
type vast struct {
	Numbers [512]int `json:"numbers,omitzero"`
}

type promoted struct{ A, B, C, D, E, F int }

type promoting struct {
	*Promoted
	Own int `json:"own,omitempty"`
}

// Promoted is exported, so that it can be embedded by pointer.
type Promoted struct {
	Pad [40]promoted `json:"pad,omitempty"`
	A   int          `json:"a,omitempty"`
}

// sparseError is an error type that holds such.
type sparseError struct{ List []sparse }

func (sparseError) Error() string { return "sparse" }

func init() {
	for _, t := range []reflect.Type{reflect.TypeFor[sparse](), reflect.TypeFor[vast](), reflect.TypeFor[sparseError]()} {
		if err := value.RegisterType(t); err != nil {
			panic(err)
		}
	}
}

// measuring is the host of a run of which only the arguments are decoded.
type measuring struct{ decoded func() }

var errMeasured = errors.New("measured")

func (m *measuring) Context() context.Context { return context.Background() }

func (m *measuring) Turn() error {
	m.decoded()
	return errMeasured
}

// measure returns how many bytes live after the arguments of the only method have been
// decoded, and how many have been allocated meanwhile.
func measure(t *testing.T, svc *stub.Service, body []byte) (live, allocated int) {
	t.Helper()
	var before, after, collected runtime.MemStats
	serve := func(decoded func()) {
		d, err := stub.NewDecoder(svc, body)
		if err != nil {
			t.Fatal(err)
		}
		run := stub.MakeRun(&measuring{decoded}, &svc.Methods[0], d, stub.NewEncoder(svc, 1<<20))
		runtime.ReadMemStats(&before)
		svc.Methods[0].Serve(&run, nil)
		if run.Err() != errMeasured {
			t.Fatalf("the arguments were not decoded: %v", run.Err())
		}
	}
	serve(func() {}) // makes the plans, which are kept
	runtime.GC()
	runtime.GC() // what pools keep is gone
	serve(func() {
		runtime.ReadMemStats(&after)
		runtime.GC()
		runtime.ReadMemStats(&collected)
	})
	return int(collected.HeapAlloc) - int(before.HeapAlloc), int(after.TotalAlloc - before.TotalAlloc)
}

// blob is copied when it is decoded. Only a []byte may share the memory of the message.
type blob []byte

// weighing is what a test decodes.
type weighing struct {
	svc  *stub.Service
	body []byte
}

// weigh is a method with one parameter that is given v.
func weigh[T any](t *testing.T, v T) weighing {
	t.Helper()
	e := stub.NewEncoder(nil, 16<<20)
	stub.Encode(e, v)
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return weighing{&stub.Service{Methods: []stub.Method{{
		Func: func(*int, T) {},
		Serve: func(run *stub.Run, _ any) {
			var v T
			stub.Decode(run.Args, &v)
			if run.Begin() {
				runtime.KeepAlive(v)
			}
		},
	}}}, body}
}

func repeat[T any](n int, v T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func numbered[V any](n int, v V) map[int]V {
	m := make(map[int]V, n)
	for i := range n {
		m[i*7919] = v
	}
	return m
}

// What is weighed is what decoding keeps, and not much less than it allocates: the sum
// of the limits in package rt rests on that.
func TestMemoryIsWhatDecodingTakes(t *testing.T) {
	const n = 4000
	seven := 7
	seventh := &seven
	zone := time.Date(2024, 1, 2, 3, 4, 5, 6, time.FixedZone("", 20700))
	for name, w := range map[string]weighing{
		"integers":             weigh(t, repeat(n, 1)),
		"strings":              weigh(t, repeat(n, "abcdefgh")),
		"empty strings":        weigh(t, repeat(n, "")),
		"a long string":        weigh(t, strings.Repeat("x", 1<<20)),
		"bytes":                weigh(t, repeat(n, []byte("abcdefgh"))),
		"a byte string":        weigh(t, make([]byte, 64<<10)),
		"a named byte string":  weigh(t, blob(make([]byte, 64<<10))),
		"byte arrays":          weigh(t, repeat(n, [4]byte{1})),
		"sparse structs":       weigh(t, repeat(n, sparse{})),
		"pointers to sparse":   weigh(t, repeat(n, &sparse{})),
		"sparse in sparse":     weigh(t, repeat(n, sparse{Next: &sparse{Next: &sparse{}}})),
		"vast structs":         weigh(t, repeat(400, vast{})),
		"pointers to pointers": weigh(t, repeat(n, &seventh)),
		"lists of lists":       weigh(t, repeat(n, [][]int{{1}, {}, nil})),
		"empty maps":           weigh(t, repeat(n, map[string]int{})),
		"maps of one":          weigh(t, repeat(n, map[string]int{"a": 1})),
		"maps of nine":         weigh(t, repeat(400, numbered(9, true))),
		"a map":                weigh(t, numbered(n, 1)),
		"a fuller map":         weigh(t, numbered(3600, 1)),
		"a map of sparse":      weigh(t, numbered(n, sparse{})),
		"a map of vast":        weigh(t, numbered(200, vast{})),
		"arrays in structs":    weigh(t, repeat(n, struct{ A [3]sparse }{})),
		"arrays of pointers":   weigh(t, repeat(n, [2]*vast{nil, nil})),
		"embedded by pointer":  weigh(t, repeat(400, promoting{Promoted: &Promoted{A: 1}})),
		"any integers":         weigh(t, repeat(n, any(1000))),
		"any sparse":           weigh(t, repeat(n, any(sparse{}))),
		"any list of sparse":   weigh(t, any(repeat(n, sparse{}))),
		"any map of any":       weigh(t, any(map[string]any{"a": repeat(n, any(&sparse{}))})),
		"any pointers to vast": weigh(t, repeat(200, any(&vast{}))),
		"complex":              weigh(t, repeat(n, complex(1, 2))),
		"large numbers":        weigh(t, repeat(n, big.NewInt(1))),
		"larger numbers":       weigh(t, repeat(400, new(big.Int).Lsh(big.NewInt(1), 2000))),
		"times in UTC":         weigh(t, repeat(400, time.Unix(0, 1).UTC())),
		"times in odd zones":   weigh(t, repeat(400, zone)),
		"errors":               weigh(t, repeat(500, errors.New("this and that"))),
		"joined errors":        weigh(t, errors.Join(repeat(900, errors.New("x"))...)),
		"errors of sparse":     weigh[error](t, sparseError{repeat(n, sparse{})}),
		"any sparse errors":    weigh(t, repeat(10, any(sparseError{repeat(n, sparse{})}))),
		"orders":               weigh(t, repeat(n, order{Lines: []sparse{{Name: "a"}}, Tags: []string{"a", "b"}, Meta: map[string]string{"a": "b"}})),
		"empty orders":         weigh(t, repeat(n, order{})),
	} {
		t.Run(name, func(t *testing.T) {
			live, allocated := measure(t, w.svc, w.body)
			got := w.svc.Memory(0, w.body, 0, nil)
			t.Logf("%d bytes: weighed %d, live %d (%.2f), allocated %d (%.2f)", len(w.body), got, live, float64(live)/float64(got), allocated, float64(allocated)/float64(got))
			const slack = 4 << 10 // what else allocates meanwhile
			if live > got*3/2+slack || allocated > got*4+slack {
				t.Errorf("%d bytes weigh %d; %d live, want at most 1.5 times, %d were allocated, want at most 4 times", len(w.body), got, live, allocated)
			}
			if got > 4*allocated+slack {
				t.Errorf("%d bytes weigh %d, but only %d were allocated", len(w.body), got, allocated)
			}
			if most := w.svc.Memory(0, w.body, math.MaxInt, nil); most < got {
				t.Errorf("the upper bound is %d, less than %d", most, got)
			}
		})
	}
}

// Whatever the arguments are, weighing them ends.
func FuzzMemory(f *testing.F) {
	svc := &stub.Service{Methods: []stub.Method{
		{Func: func(*int, []sparse, map[string]any, error, *promoting, []time.Time, *big.Int) {}},
		{Func: func(*int, []byte, int, []byte, string, [][]*vast) {}, Out: []int{2}},
	}}
	for _, v := range []any{
		[]any{[]sparse{{Name: "a", Next: &sparse{Tags: []string{"b"}}}}, map[string]any{"a": []any{"sparse", 1}}, nil, map[string]any{"own": 1}, nil, 7},
		[]any{[]byte("abc"), 1 << 20, nil, "text", []any{[]any{nil, map[string]any{}}}},
	} {
		body, err := wire.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, err := range []error{errors.New("a"), errors.Join(context.Canceled, sparseError{[]sparse{{}, {}}})} {
		e := stub.NewEncoder(nil, 1<<20)
		stub.Encode(e, []sparse{{}})
		stub.Encode(e, map[string]any{"a": []any{sparse{}, vast{}, 1}})
		e.Error(err)
		body, err := e.Finish()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for i := range svc.Methods {
			if got := svc.Memory(i, data, 0, nil); got < 0 {
				t.Errorf("%x weighs %d", data, got)
			}
		}
	})
}
