package stub_test

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/loopgen/loopgen/rt/stub"
)

// allocations returns how many allocations it takes to encode and decode v with an encoder
// and a decoder that are used again.
func allocations[T any](t *testing.T, v T) float64 {
	t.Helper()
	e, d := stub.NewEncoder(nil, limit), new(stub.Decoder)
	return testing.AllocsPerRun(100, func() {
		e.Reset(nil, limit, 0)
		stub.Encode(e, v)
		body, err := e.Finish()
		if err != nil {
			t.Error(err)
		}
		if err := d.Reset(nil, body); err != nil {
			t.Error(err)
		}
		var got T
		stub.Decode(d, &got)
		if err := d.End(); err != nil {
			t.Error(err)
		}
	})
}

func TestScalarsAllocateNothing(t *testing.T) {
	for name, n := range map[string]float64{
		"int":           allocations(t, 1<<30),
		"uint8":         allocations(t, uint8(200)),
		"bool":          allocations(t, true),
		"float64":       allocations(t, 0.1),
		"time.Duration": allocations(t, time.Hour),
		"time.Month":    allocations(t, time.May),
		"Celsius":       allocations(t, Celsius(36.6)),
		"Octet":         allocations(t, Octet(1)),
		"uintptr":       allocations(t, uintptr(7)),
		"complex128":    allocations(t, complex(1, 2)),
		"Point":         allocations(t, Point{1, 2}),
		"[4]Octet":      allocations(t, Hash{1, 2, 3, 4}),
		"*int":          allocations[*int](t, nil),
	} {
		if n > 0 {
			t.Errorf("%s takes %v allocations, want 0", name, n)
		}
	}
}

// An encoder or decoder keeps no value alive after the call.
func TestVariablesAreCleared(t *testing.T) {
	e, d := stub.NewEncoder(nil, limit), new(stub.Decoder)
	sent := &Box[Inner]{Value: Inner{1, 2}} // too large for a block with other values
	stub.Encode(e, sent)
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Reset(nil, body); err != nil {
		t.Fatal(err)
	}
	var got *Box[Inner]
	stub.Decode(d, &got)
	all := []weak.Pointer[Box[Inner]]{weak.Make(sent), weak.Make(got)}
	sent, got = nil, nil
	runtime.GC()
	for i, p := range all {
		if p.Value() != nil {
			t.Errorf("value %d is still alive", i)
		}
	}
	runtime.KeepAlive(e)
	runtime.KeepAlive(d)
}

// hoarder keeps the addresses at which its methods are called.
type hoarder struct{ Text string }

var hoarded []*hoarder

func (h *hoarder) MarshalText() ([]byte, error) {
	hoarded = append(hoarded, h)
	return []byte(h.Text), nil
}

func (h *hoarder) UnmarshalText(text []byte) error {
	hoarded = append(hoarded, h)
	h.Text = string(text)
	return nil
}

// A variable whose address a method can have kept is not used for the next value.
func TestVariablesAreNotSharedWithMethods(t *testing.T) {
	hoarded = nil
	e := stub.NewEncoder(nil, limit)
	stub.Encode(e, hoarder{"a"})
	stub.Encode(e, hoarder{"b"})
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	d, err := stub.NewDecoder(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	seen := len(hoarded)
	texts := make([]string, seen)
	for i, h := range hoarded {
		texts[i] = h.Text
	}
	var a, b hoarder
	stub.Decode(d, &a)
	stub.Decode(d, &b)
	if err := d.End(); err != nil || a.Text != "a" || b.Text != "b" {
		t.Errorf("got %v, %v, %v", a, b, err)
	}
	for i, h := range hoarded[:seen] {
		if h.Text != texts[i] {
			t.Errorf("the value of method call %d has changed from %q to %q", i, texts[i], h.Text)
		}
	}
	if first, second := hoarded[seen], hoarded[seen+1]; first == second || first.Text != "a" {
		t.Errorf("two values were decoded into one variable")
	}
}
