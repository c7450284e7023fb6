package stub_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
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
