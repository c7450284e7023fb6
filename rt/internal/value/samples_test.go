package value_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// sample is a type whose values the CBOR library can encode, too. The library follows the
// same rules, so it has the same bytes for each value that is accepted.
type sample struct {
	name   string
	encode func(t testing.TB, c *choices) []byte
	decode func(t testing.TB, item []byte)
}

func sampleOf[T any]() sample {
	return sample{
		name: reflect.TypeFor[T]().String(),
		encode: func(t testing.TB, c *choices) []byte {
			var v T
			c.fill(reflect.ValueOf(&v).Elem())
			item, err := encode(v)
			if err != nil {
				return nil
			}
			want, err := wire.Marshal(&v)
			if err != nil || !bytes.Equal(item, want) {
				t.Fatalf("%T: %+v\ngot  %x\nwant %x, %v", v, v, item, want, err)
			}
			return item
		},
		decode: func(t testing.TB, item []byte) {
			kept := bytes.Clone(item)
			v, err := decode[T](item)
			clear(item) // nothing aliases it
			if err != nil {
				return
			}
			// A decoded value can be encoded again, to the bit.
			again, err := encode(v)
			if err != nil {
				t.Fatalf("%T: %x was decoded as %+v, but is not encoded: %v", v, kept, v, err)
			}
			var want T
			if err := wire.Unmarshal(kept, &want); err != nil {
				t.Fatalf("%T: %x was decoded as %+v, but the library says %v", v, kept, v, err)
			}
			// The library makes signalling NaNs quiet.
			if got, want := quiet(again), quiet(mustEncode(t, want)); !bytes.Equal(got, want) {
				t.Fatalf("%T: %x was decoded as %+v: got %x, want %x", v, kept, v, got, want)
			}
		},
	}
}

// quiet returns the item with its signalling NaNs made quiet.
func quiet(b []byte) []byte {
	it, _ := parse(b)
	it.quiet()
	return it.append(nil)
}

var all = []sample{
	sampleOf[Scalars](), sampleOf[Named](), sampleOf[Point](), sampleOf[Order](), sampleOf[*Order](), sampleOf[[]Order](),
	sampleOf[Tagged](), sampleOf[Optional](), sampleOf[Embedding](), sampleOf[Deep](), sampleOf[[]string](), sampleOf[[]int](),
	sampleOf[IDs](), sampleOf[map[string]int](), sampleOf[Levels](), sampleOf[map[Flag][]byte](), sampleOf[map[float32]uint8](),
	sampleOf[map[string]map[string]Box[string]](), sampleOf[Items](), sampleOf[Chain](), sampleOf[Pair](), sampleOf[map[string]string](),
}

// random returns bytes to choose by.
func random(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 17))
	b := make([]byte, r.IntN(600))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestTheLibraryAgrees(t *testing.T) {
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			encodable := 0
			for seed := range uint64(600) {
				body := s.encode(t, &choices{random(seed)})
				if body == nil {
					continue
				}
				encodable++
				s.decode(t, bytes.Clone(body))
				c := choices{random(seed + 1e6)}
				it, _ := parse(body)
				for range 1 + c.of(3) {
					it.mutate(&c)
					s.decode(t, it.append(nil))
				}
				for range 3 {
					damaged := bytes.Clone(body)
					damaged[c.of(len(damaged))] ^= 1 << c.of(8)
					s.decode(t, damaged[:len(damaged)-c.of(2)*c.of(len(damaged))])
				}
			}
			if encodable < 50 {
				t.Errorf("only %d values could be sent; the choices are off", encodable)
			}
		})
	}
}

func FuzzEncode(f *testing.F) {
	for seed := range uint64(10 * len(all)) {
		f.Add(byte(seed), random(seed))
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		s := all[int(which)%len(all)]
		if body := s.encode(t, &choices{data}); body != nil {
			s.decode(t, body)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(10 * len(all)) {
		which := byte(seed) % byte(len(all))
		if body := all[which].encode(f, &choices{random(seed)}); body != nil {
			f.Add(which, body, random(seed+1e6))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, body, data []byte) {
		s := all[int(which)%len(all)]
		s.decode(t, bytes.Clone(body))
		mutated := s.encode(t, &choices{body}) // the same bytes as choices
		if mutated == nil {
			return
		}
		c := choices{data}
		it, _ := parse(mutated)
		for range 1 + c.of(4) {
			it.mutate(&c)
		}
		s.decode(t, it.append(nil))
	})
}
