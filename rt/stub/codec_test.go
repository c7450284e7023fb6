package stub_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/stub"
)

const limit = 16 << 20

func encode[T any](v T) ([]byte, error) {
	e := stub.NewEncoder(nil, limit)
	stub.Encode(e, v)
	return e.Finish()
}

func decode[T any](body []byte) (v T, err error) {
	d, err := stub.NewDecoder(nil, body)
	if err != nil {
		return v, err
	}
	stub.Decode(d, &v)
	return v, d.End()
}

// sample is a type whose random values are sent.
type sample struct {
	name  string
	check func(t *testing.T, r *random) bool
}

func sampleOf[T any]() sample {
	return sample{reflect.TypeFor[T]().String(), func(t *testing.T, r *random) bool {
		t.Helper()
		var v T
		r.poisoned = false
		r.fill(reflect.ValueOf(&v).Elem(), 0)
		body, err := encode(v)
		if r.poisoned {
			if err == nil {
				t.Errorf("%+v was encoded, want an error", v)
			}
			return err != nil
		}
		if err != nil {
			t.Errorf("encode %+v: %v", v, err)
			return false
		}
		got, err := decode[T](body)
		if err != nil {
			t.Errorf("decode %+v: %v", v, err)
			return false
		}
		if !same(reflect.ValueOf(&v).Elem(), reflect.ValueOf(&got).Elem()) {
			t.Errorf("got  %#v\nwant %#v\nfrom %x", got, v, body)
			return false
		}
		again, err := encode(got)
		if err != nil || string(again) != string(body) {
			t.Errorf("%#v encodes to %x at first, then to %x, %v", v, body, again, err)
			return false
		}
		return true
	}}
}

func TestRoundTrip(t *testing.T) {
	samples := []sample{
		sampleOf[bool](), sampleOf[int](), sampleOf[int8](), sampleOf[int16](), sampleOf[int32](), sampleOf[int64](),
		sampleOf[uint](), sampleOf[uint8](), sampleOf[uint16](), sampleOf[uint32](), sampleOf[uint64](),
		sampleOf[float32](), sampleOf[float64](), sampleOf[string](), sampleOf[[]byte](), sampleOf[time.Duration](),
		sampleOf[Celsius](), sampleOf[Label](), sampleOf[Blob](), sampleOf[Hash](), sampleOf[[]Octet](), sampleOf[Level](),
		sampleOf[time.Time](), sampleOf[*time.Time](), sampleOf[[]time.Time](), sampleOf[map[string]*time.Time](),
		sampleOf[[]int](), sampleOf[[0]int](), sampleOf[[3][2]string](), sampleOf[[][]byte](), sampleOf[[][4]byte](),
		sampleOf[map[string]string](), sampleOf[map[int][]string](), sampleOf[map[Level]Label](), sampleOf[map[uint8]float32](),
		sampleOf[**int](), sampleOf[***string](), sampleOf[*[]int](), sampleOf[*map[string]int](), sampleOf[[]*[]*int](),
		sampleOf[Tree](), sampleOf[Nested](), sampleOf[Node](), sampleOf[*Node](), sampleOf[Inner](), sampleOf[Optional](),
		sampleOf[Embedding](), sampleOf[Keyed](), sampleOf[Everything](), sampleOf[[]Everything](), sampleOf[struct{}](),
		sampleOf[Box[Box[int]]](), sampleOf[Pair](), sampleOf[Stamp](),
		sampleOf[complex64](), sampleOf[complex128](), sampleOf[uintptr](), sampleOf[Handle](), sampleOf[error](), sampleOf[any](),
		sampleOf[Shape](), sampleOf[[]any](), sampleOf[map[string]any](), sampleOf[map[any]any](), sampleOf[map[complex64]error](),
		sampleOf[*any](), sampleOf[[2]Shape](), sampleOf[[]error](), sampleOf[Labelled](), sampleOf[*Labelled](), sampleOf[Open](), sampleOf[[]Open](),
		sampleOf[map[[2]any]*complex128](),
	}
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			poisoned := 0
			for seed := range uint64(400) {
				r := &random{Rand: rand.New(rand.NewPCG(seed, 1))}
				if seed%2 == 1 {
					r.poison = 0.02
				}
				if !s.check(t, r) {
					t.Fatalf("seed %d", seed)
				}
				if r.poisoned {
					poisoned++
				}
			}
			if s.name == "stub_test.Everything" && poisoned < 50 {
				t.Errorf("%d values of 200 had something in them that cannot be sent; the generator is off", poisoned)
			}
		})
	}
}

func TestLocalTimeComesBackInAFixedZone(t *testing.T) {
	// Not parallel: it moves the process to another place.
	old := time.Local
	t.Cleanup(func() { time.Local = old })
	time.Local = time.FixedZone("HERE", 2*3600)

	when := time.Date(2024, 7, 1, 12, 0, 0, 5, time.Local)
	body, err := encode(map[string][]*Box[time.Time]{"k": {{Value: when, More: []time.Time{when}}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode[map[string][]*Box[time.Time]](body)
	if err != nil {
		t.Fatal(err)
	}
	body, err = encode([]any{Open{Any: when}})
	if err != nil {
		t.Fatal(err)
	}
	open, err := decode[[]any](body)
	if err != nil {
		t.Fatal(err)
	}
	for _, when2 := range []time.Time{got["k"][0].Value, got["k"][0].More[0], open[0].(Open).Any.(time.Time)} {
		_, offset := when2.Zone()
		if !when2.Equal(when) || offset != 7200 || when2.Location() == time.Local {
			t.Errorf("got %v in %p, want %v at offset 7200, not in time.Local", when2, when2.Location(), when)
		}
	}
}

func TestManyValues(t *testing.T) {
	for _, n := range []int{0, 1, 23, 24, 255, 256, 70000} {
		e := stub.NewEncoder(nil, limit)
		for i := range n {
			stub.Encode(e, i)
		}
		body, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		d, err := stub.NewDecoder(nil, body)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			var got int
			stub.Decode(d, &got)
			if got != i {
				t.Fatalf("of %d: got %d, want %d", n, got, i)
			}
		}
		if err := d.End(); err != nil {
			t.Errorf("%d values: %v", n, err)
		}
	}
}

func TestDecodeDoesNotMerge(t *testing.T) {
	body, _ := encode(map[string][]int{"a": {1}})
	old := map[string][]int{"a": {7, 8}, "b": {9}}
	got := old
	d, err := stub.NewDecoder(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	stub.Decode(d, &got)
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	if want := (map[string][]int{"a": {1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(old) != 2 || len(old["a"]) != 2 {
		t.Errorf("the map held before is now %v", old)
	}
}

func TestDecodedBytesDoNotAliasTheMessage(t *testing.T) {
	body, _ := encode([]byte("abc"))
	got, err := decode[[]byte](body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if string(got) != "abc" {
		t.Errorf("got %q after the message was overwritten, want abc", got)
	}
}

// hungry keeps, and changes, whatever it gets hold of.
type hungry struct{ B []byte }

func (h hungry) MarshalBinary() ([]byte, error) { return h.B, nil }

func (h *hungry) UnmarshalBinary(data []byte) error {
	h.B = append([]byte(nil), data...)
	clear(data[:cap(data)])
	return nil
}

// A value that its own UnmarshalBinary could reach through what MarshalBinary
// returns is not changed by being sent, nor is what follows it in a message.
func TestUnmarshalMethodsMayChangeTheirInput(t *testing.T) {
	sent := []hungry{{[]byte("first")}, {[]byte("second")}}
	body, err := encode(sent)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode[[]hungry](body)
	if err != nil {
		t.Fatal(err)
	}
	for _, all := range [][]hungry{sent, got} {
		if len(all) != 2 || string(all[0].B) != "first" || string(all[1].B) != "second" {
			t.Errorf("got %q", all)
		}
	}
}

// A NaN keeps its sign, its payload and whether it signals, wherever it is.
func TestNaNsKeepTheirBits(t *testing.T) {
	type temperature float32
	type floats struct {
		A float32
		B []float64
		C map[string]temperature
		D complex64
		E complex128
		F any
	}
	for _, bits := range []uint32{0x7fc00000, 0xffc00000, 0x7fa00000, 0xff802000, 0x7f800001, 0x7fc00001, 0xffffffff} {
		f := math.Float32frombits(bits)
		for _, wide := range []uint64{0x7ff8000000000000, 0x7ff4000000000000, 0xfff0040000000000, 0x7ff0000020000000, 0x7ff0000000000001, 0xffffffffffffffff} {
			d := math.Float64frombits(wide)
			body, err := encode(floats{f, []float64{d}, map[string]temperature{"": temperature(f)}, complex(f, f), complex(d, d), []any{f, d}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := decode[floats](body)
			if err != nil {
				t.Fatal(err)
			}
			held := got.F.([]any)
			for _, f := range []float32{got.A, float32Of(got.C[""]), real(got.D), imag(got.D), held[0].(float32)} {
				if math.Float32bits(f) != bits {
					t.Errorf("got the float32 %x, want %x", math.Float32bits(f), bits)
				}
			}
			for _, d := range []float64{got.B[0], real(got.E), imag(got.E), held[1].(float64)} {
				if math.Float64bits(d) != wide {
					t.Errorf("got the float64 %x, want %x", math.Float64bits(d), wide)
				}
			}
		}
	}
}

func float32Of[T ~float32](f T) float32 { return float32(f) }

func TestFailuresNameThePlace(t *testing.T) {
	e := stub.NewEncoder(nil, limit)
	stub.Encode(e, 1)
	stub.Encode(e, Box[string]{More: []string{"ok", "\xff"}})
	stub.Encode(e, "\xff\xff")
	_, err := e.Finish()
	var place *stub.EncodeError
	if !errors.As(err, &place) || place.Index != 1 {
		t.Fatalf("got %v, want an EncodeError of value 1", err)
	}
	if want := "Box[string].More[1]: the text is not UTF-8; use []byte"; place.Err.Error() != want {
		t.Errorf("got %q, want %q", place.Err, want)
	}

	d, err := stub.NewDecoder(nil, []byte("\x83\x01\x61a\x02"))
	if err != nil {
		t.Fatal(err)
	}
	var a, b, c int
	stub.Decode(d, &a)
	stub.Decode(d, &b)
	stub.Decode(d, &c)
	var at *stub.DecodeError
	if err := d.End(); !errors.As(err, &at) || at.Index != 1 || a != 1 || b != 0 || c != 0 {
		t.Errorf("got %v and %d %d %d, want a DecodeError of value 1 and 1 0 0", err, a, b, c)
	}
}

func TestTooLarge(t *testing.T) {
	const limit = 1000
	try := func(values ...[]byte) ([]byte, error) {
		e := stub.NewEncoder(nil, limit)
		for _, v := range values {
			stub.Encode(e, v)
		}
		return e.Finish()
	}
	if body, err := try(make([]byte, limit-4)); err != nil || len(body) != limit {
		t.Errorf("got %d bytes, %v, want %d", len(body), err, limit)
	}
	if _, err := try(make([]byte, limit-3)); !errors.Is(err, stub.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	} else if want := "1001 bytes, the limit is 1000"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want it to contain %q", err, want)
	}
	var place *stub.EncodeError
	if _, err := try(make([]byte, 500), make([]byte, 500)); !errors.Is(err, stub.ErrTooLarge) || !errors.As(err, &place) || place.Index != 1 {
		t.Errorf("got %v, want ErrTooLarge for value 1", err)
	}
	e := stub.NewEncoder(nil, limit)
	for range limit - 1 { // the head takes one byte in the beginning, three in the end
		stub.Encode(e, 1)
	}
	if _, err := e.Finish(); !errors.Is(err, stub.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

// A value whose parts are shared, 2 to the power of 31 of them when spelt out,
// is found to be too large before it is.
func TestSharedPartsAreCounted(t *testing.T) {
	type pair struct{ A, B *pair }
	p := &pair{}
	for range 31 {
		p = &pair{p, p}
	}
	if _, err := encode(p); !errors.Is(err, stub.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	} else if want := fmt.Sprintf("bytes, the limit is %d", limit); !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want it to contain %q", err, want)
	}
}

func TestAllocations(t *testing.T) {
	s, b := "some text", []byte("bytes")
	encoding := testing.AllocsPerRun(100, func() {
		e := stub.NewEncoder(nil, limit)
		stub.Encode(e, 123456)
		stub.Encode(e, s)
		stub.Encode(e, b)
		stub.Encode(e, 2.5)
		if _, err := e.Finish(); err != nil {
			t.Error(err)
		}
	})
	if encoding > 3 {
		t.Errorf("encoding scalars allocates %v times, want the encoder and its bytes", encoding)
	}
	body, _ := encode(123456)
	decoding := testing.AllocsPerRun(100, func() {
		d, _ := stub.NewDecoder(nil, body)
		var n int
		stub.Decode(d, &n)
		if err := d.End(); err != nil || n != 123456 {
			t.Error(n, err)
		}
	})
	if decoding > 2 {
		t.Errorf("decoding an integer allocates %v times, want at most 2", decoding)
	}
}

func BenchmarkScalars(b *testing.B) {
	for b.Loop() {
		e := stub.NewEncoder(nil, limit)
		stub.Encode(e, 42)
		stub.Encode(e, "key")
		body, _ := e.Finish()
		d, _ := stub.NewDecoder(nil, body)
		var n int
		var s string
		stub.Decode(d, &n)
		stub.Decode(d, &s)
	}
}

func BenchmarkStruct(b *testing.B) {
	v := Box[Inner]{Value: Inner{1, 2}, More: make([]Inner, 10)}
	for b.Loop() {
		body, err := encode(v)
		if err == nil {
			_, err = decode[Box[Inner]](body)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleEncodeError() {
	e := stub.NewEncoder(nil, 1<<20)
	stub.Encode(e, []string{"fine", "not \xff"})
	_, err := e.Finish()
	fmt.Println(err)
	// Output: encode value 0: []string[1]: the text is not UTF-8; use []byte
}
