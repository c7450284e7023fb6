package stub_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// agree checks that v travels the short way just as the library sends it: the
// same bytes, and the same value back.
func agree[T any](t *testing.T, v T) {
	t.Helper()
	short, err := encode(v)
	if err != nil {
		t.Fatalf("encode %v: %v", v, err)
	}
	long, err := wire.Marshal([]any{v})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(short, long) {
		t.Fatalf("%T %v: got %x, the library makes %x", v, v, short, long)
	}
	got, err := decode[T](long)
	if err != nil || !same(reflect.ValueOf(&v).Elem(), reflect.ValueOf(&got).Elem()) {
		t.Fatalf("%T %v: got %v, %v back from %x", v, v, got, err, long)
	}
}

func TestShortCutsMatchTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	agree(t, true)
	agree(t, false)
	agree(t, "")
	agree(t, "ß")
	agree(t, string(make([]byte, 70000)))
	agree(t, []byte(nil))
	agree(t, []byte{})
	agree(t, make([]byte, 300))
	for range 3000 {
		n := r.Uint64() >> r.IntN(64)
		for _, n := range []uint64{n, -n, ^n} {
			agree(t, int(n))
			agree(t, int8(n))
			agree(t, int16(n))
			agree(t, int32(n))
			agree(t, int64(n))
			agree(t, uint(n))
			agree(t, uint8(n))
			agree(t, uint16(n))
			agree(t, uint32(n))
			agree(t, n)
			agree(t, time.Duration(n))
		}
	}
}

func TestFloatShortCutsMatchTheLibrary(t *testing.T) {
	// Every float of 2 bytes and, of one in nine, its neighbours of 4 bytes.
	for half := range uint32(1 << 16) {
		exponent, fraction := half>>10&0x1f, half&0x3ff
		bits := half>>15<<31 | (exponent+127-15)<<23 | fraction<<13
		switch {
		case exponent == 0:
			bits = half>>15<<31 | math.Float32bits(float32(math.Ldexp(float64(fraction), -24)))
		case exponent == 31:
			bits = half>>15<<31 | 0xff<<23 | fraction<<13
		}
		neighbours := []uint32{bits, bits + 1, bits - 1, bits | 1<<12}
		if half%9 != 0 {
			neighbours = neighbours[:1]
		}
		for _, b := range neighbours {
			f := math.Float32frombits(b)
			if f != f && b&(1<<22) == 0 {
				continue // a signalling NaN; Go makes it quiet when it is copied
			}
			agree(t, f)
			agree(t, float64(f))
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		bits := r.Uint64()
		if f := math.Float64frombits(bits); f == f {
			agree(t, f)
		}
		f := math.Float32frombits(uint32(bits))
		if f == f {
			agree(t, f)
		}
		agree(t, math.Ldexp(r.Float64(), -r.IntN(60)))
	}
	agree(t, math.Float64frombits(0x7ff8000000000001))
	agree(t, math.Copysign(0, -1))
}

type (
	flag  bool
	small int8
	large uint64
	mild  float32
)

func TestNamedShortCutsMatchTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	agree(t, flag(true))
	agree(t, Blob(nil))
	agree(t, Blob{})
	agree(t, Blob("abc"))
	agree(t, []Octet{1})
	agree(t, time.March)
	for range 3000 {
		n := r.Uint64() >> r.IntN(64)
		agree(t, small(n))
		agree(t, Octet(n))
		agree(t, large(n))
		agree(t, Celsius(n))
		agree(t, mild(n))
		agree(t, Label(strings.Repeat("ß", int(n%400))))
	}
}

// allocates returns how many allocations it takes to encode v, and to decode it.
func allocates[T any](t *testing.T, v T) (encoding, decoding float64) {
	t.Helper()
	const runs = 100
	e := stub.NewEncoder(nil, limit)
	stub.Encode(e, string(make([]byte, 1<<20))) // so that what follows needs no room
	stub.Encode(e, v)
	encoding = testing.AllocsPerRun(runs, func() { stub.Encode(e, v) })
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	d, err := stub.NewDecoder(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	var first string
	stub.Decode(d, &first)
	decoding = testing.AllocsPerRun(runs, func() {
		var v T
		stub.Decode(d, &v)
	})
	return encoding, decoding
}

func TestScalarsStayOnTheStack(t *testing.T) {
	for name, count := range map[string]func() (float64, float64){
		"int":     func() (float64, float64) { return allocates(t, 1<<30) },
		"float64": func() (float64, float64) { return allocates(t, 0.1) },
		"string":  func() (float64, float64) { return allocates(t, "") },
		"flag":    func() (float64, float64) { return allocates(t, flag(true)) },
		"small":   func() (float64, float64) { return allocates(t, small(-100)) },
		"large":   func() (float64, float64) { return allocates(t, large(1<<60)) },
		"Celsius": func() (float64, float64) { return allocates(t, Celsius(0.1)) },
		"Label":   func() (float64, float64) { return allocates(t, Label("")) },
	} {
		if encoding, decoding := count(); encoding+decoding > 0 {
			t.Errorf("%s takes %v allocations to encode and %v to decode, want none", name, encoding, decoding)
		}
	}
}
