package value_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/value"
)

const limit = 1 << 20

var table = value.NewErrors(nil, nil)

func encode[T any](v T) ([]byte, error) {
	var w value.Writer
	w.Reset(table, 0, limit)
	return w.Append(nil, value.PlanOf(reflect.TypeFor[T]()), reflect.ValueOf(&v).Elem())
}

func decode[T any](item []byte) (v T, err error) {
	r := value.NewReader(table, nil)
	rest, err := r.Read(item, value.PlanOf(reflect.TypeFor[T]()), reflect.ValueOf(&v).Elem())
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow", len(rest))
	}
	return v, err
}

func mustEncode[T any](t testing.TB, v T) []byte {
	t.Helper()
	item, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return item
}

// A receiver must accept the name of a field with its length in a longer form than needed.
func TestNamesInLongerForms(t *testing.T) {
	type named struct {
		A int
		B string `cbor:"7,keyasint"`
		C int    `cbor:"-3,keyasint,omitempty"`
	}
	want := named{A: 1, B: "x"}
	for _, item := range []string{
		"a2 6141 01 07 6178", "a2 07 6178 6141 01", "a2 780141 01 07 6178", "a2 79000141 01 07 6178", "a2 7a0000000141 01 07 6178",
		"a2 7b000000000000000141 01 1807 6178", "a2 190007 6178 6141 01", "a2 07 780178 780141 1801", "b80207 6178 6141 01",
	} {
		data, err := hex.DecodeString(strings.ReplaceAll(item, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode[named](data); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", item, got, err, want)
		}
	}
	for _, item := range []string{"a2 780241 01 07 6178", "a2 780142 01 07 6178", "a3 780141 01 6141 01 07 6178", "a3 6141 01 07 6178 1807 6178"} {
		data, err := hex.DecodeString(strings.ReplaceAll(item, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode[named](data); err == nil {
			t.Errorf("%s: got %+v, want an error", item, got)
		}
	}
}

type (
	single float32
	double float64
)

// nans has a NaN in every kind of place but a map's key.
type nans struct {
	F  float32
	G  float64
	NF single
	NG double
	Z  complex64
	W  complex128
	P  *float32
	L  []float64
	M  map[string]float32
	N  map[string]complex64
	A  [1]float32
	X  any
	Y  any
	V  any
}

func TestSignallingNaNsTravelExactly(t *testing.T) {
	for _, bits := range []uint32{0x7fb29792, 0x7f800001, 0xff802000, 0x7f802000, 0x7fc00000, 0xffffffff} {
		f := math.Float32frombits(bits)
		g := math.Float64frombits(uint64(bits)<<32 | 1)
		v := nans{
			F: f, G: g, NF: single(f), NG: double(g), Z: complex(f, f), W: complex(g, g), P: &f, L: []float64{g},
			M: map[string]float32{"a": f}, N: map[string]complex64{"a": complex(f, f)}, A: [1]float32{f}, X: f, Y: g, V: complex(f, f),
		}
		got, err := decode[nans](mustEncode(t, v))
		if err != nil {
			t.Fatal(err)
		}
		singles := []float32{got.F, float32(got.NF), real(got.Z), imag(got.Z), *got.P, got.M["a"], real(got.N["a"]), got.A[0], got.X.(float32), real(got.V.(complex64))}
		for i, f := range singles {
			if math.Float32bits(f) != bits {
				t.Errorf("%d: got %08x, want %08x", i, math.Float32bits(f), bits)
			}
		}
		for i, f := range []float64{got.G, float64(got.NG), real(got.W), imag(got.W), got.L[0], got.Y.(float64)} {
			if math.Float64bits(f) != math.Float64bits(g) {
				t.Errorf("%d: got %016x, want %016x", i, math.Float64bits(f), math.Float64bits(g))
			}
		}
		if top, err := decode[float32](mustEncode(t, f)); err != nil || math.Float32bits(top) != bits {
			t.Errorf("got %08x, %v, want %08x", math.Float32bits(top), err, bits)
		}
		var scalar float32
		b, ok := value.AppendScalar(nil, &f)
		if end := value.ReadScalar(b, &scalar); !ok || end != len(b) || math.Float32bits(scalar) != bits {
			t.Errorf("got %08x, want %08x", math.Float32bits(scalar), bits)
		}
	}
}

// calls counts the calls of the methods of a counted.
var calls [2]int

type counted struct{ N int }

func (c *counted) MarshalText() ([]byte, error) {
	calls[0]++
	return fmt.Append(nil, c.N), nil
}

func (c *counted) UnmarshalText(text []byte) error {
	calls[1]++
	_, err := fmt.Sscan(string(text), &c.N)
	clear(text) // which is its own
	return err
}

// The bytes that were checked are sent: the value is not marshalled again.
func TestMarshalTwiceUnmarshalOnce(t *testing.T) {
	calls = [2]int{}
	item := mustEncode(t, []counted{{5}})
	if calls != [2]int{2, 1} {
		t.Errorf("Marshal and Unmarshal were called %v times to encode, want 2 and 1", calls)
	}
	if got, err := decode[[]counted](item); err != nil || got[0].N != 5 || calls != [2]int{2, 2} {
		t.Errorf("got %v, %v, %v", got, err, calls)
	}
}

// keeper keeps the variable into which it was decoded.
type keeper struct{ Text string }

var kept []*keeper

func (k keeper) MarshalText() ([]byte, error) { return []byte(k.Text), nil }

func (k *keeper) UnmarshalText(text []byte) error {
	k.Text = string(text)
	kept = append(kept, k)
	return nil
}

// A variable whose address a method may have kept is not used for another value.
func TestMethodsMayKeepTheirVariables(t *testing.T) {
	v := map[string]keeper{"a": {"1"}, "b": {"2"}, "c": {"3"}}
	item := mustEncode(t, v)
	kept = nil
	if _, err := decode[map[string]keeper](item); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"1", "2", "3"} {
		if kept[i].Text != want {
			t.Errorf("variable %d has changed to %s, want %s", i, kept[i].Text, want)
		}
	}
}

// Maps inside maps of the same type use variables of their own.
func TestNestedMaps(t *testing.T) {
	type tree map[string]any
	if err := value.RegisterType(reflect.TypeFor[tree]()); err != nil {
		t.Fatal(err)
	}
	type plain map[string]plain
	v := plain{"a": {"b": {"c": nil, "d": {}}}, "e": {"f": {"g": {}}}, "h": nil}
	if got, err := decode[plain](mustEncode(t, v)); err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("got %v, %v, want %v", got, err, v)
	}
	w := tree{"a": tree{"b": 1}, "c": map[string]any{"d": tree{}}}
	if got, err := decode[tree](mustEncode(t, w)); err != nil || !reflect.DeepEqual(got, w) {
		t.Errorf("got %v, %v, want %v", got, err, w)
	}
}

// Nothing that is decoded aliases the message, and a value is decoded again from it.
func TestValuesDoNotShareTheMessage(t *testing.T) {
	type all struct {
		S string
		B []byte
		A [3]byte
		M map[string]string
		L []string
	}
	want := all{"s", []byte("bytes"), [3]byte{1, 2, 3}, map[string]string{"k": "v"}, []string{"x"}}
	item := mustEncode(t, want)
	got, err := decode[all](item)
	clear(item)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// A length that the message cannot have is refused before memory is allocated.
func TestLengthsAreCheckedBeforeAllocation(t *testing.T) {
	type wide struct {
		Hash [1 << 20]byte
		F    [100]float64
	}
	item := append([]byte{0x9a, 0, 1, 0, 0}, bytes.Repeat([]byte{0xa0}, 1<<16)...)
	n := testing.AllocsPerRun(1, func() {
		if _, err := decode[[]wide](item); err == nil {
			t.Error("got no error")
		}
	})
	if n > 20 {
		t.Errorf("%v allocations", n)
	}
}

func TestTooLarge(t *testing.T) {
	shared := []string{strings.Repeat("x", 1000)}
	all := [][]string{}
	for range 2000 {
		all = append(all, shared)
	}
	_, err := encode(all)
	want := fmt.Sprintf("bytes, the limit is %d", limit)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want it to contain %q", err, want)
	}
}
