package samples

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/loopgen/loopgen/rt/stub"
)

const limit = 1 << 20

// sample is a type, with its codec and without.
type sample struct {
	name    string
	current func() bool
	encode  func(t testing.TB, c *choices) []byte // fails unless both ways agree
	decode  func(t *testing.T, body []byte)
}

// The message of each has the value and a number behind it.

func encoded[T any](v T, encode func(*stub.Encoder, T)) ([]byte, error) {
	e := stub.NewEncoder(nil, limit)
	encode(e, v)
	stub.Encode(e, 42)
	return e.Finish()
}

func decoded[T any](body []byte, decode func(*stub.Decoder, *T)) (v T, err error) {
	d, err := stub.NewDecoder(nil, body)
	if err != nil {
		return v, err
	}
	var number int
	decode(d, &v)
	stub.Decode(d, &number)
	return v, d.End()
}

func sampleOf[T any](codec *stub.Codec[T]) sample {
	return sample{
		name:    reflect.TypeFor[T]().String(),
		current: codec.Current,
		encode: func(t testing.TB, c *choices) []byte {
			var v T
			c.fill(reflect.ValueOf(&v).Elem())
			short, shortErr := encoded(v, codec.Encode)
			long, longErr := encoded(v, stub.Encode[T])
			if !bytes.Equal(short, long) || (shortErr == nil) != (longErr == nil) {
				t.Fatalf("%T: %+v\nis  %x, %v\nnot %x, %v", v, v, short, shortErr, long, longErr)
			}
			return short
		},
		decode: func(t *testing.T, body []byte) {
			kept := bytes.Clone(body)
			short, shortErr := decoded(body, codec.Decode)
			clear(body) // nothing aliases it
			long, longErr := decoded(kept, stub.Decode[T])
			if text(shortErr) != text(longErr) {
				t.Fatalf("%T: %x: got %v, want %v", long, kept, shortErr, longErr)
			}
			// What is decoded can be encoded, nil and empty apart, to the bit.
			got, gotErr := encoded(short, stub.Encode[T])
			want, wantErr := encoded(long, stub.Encode[T])
			if !bytes.Equal(got, want) || text(gotErr) != text(wantErr) {
				t.Fatalf("%T: %x: got %+v, %v, want %+v, %v", long, kept, short, gotErr, long, wantErr)
			}
		},
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

var all = []sample{
	sampleOf(samplesScalarsCodec), sampleOf(samplesNamedCodec), sampleOf(samplesPointCodec), sampleOf(samplesOrderCodec),
	sampleOf(samplesOrderPointerCodec), sampleOf(samplesOrderListCodec), sampleOf(samplesTaggedCodec), sampleOf(samplesOptionalCodec),
	sampleOf(samplesEmbeddingCodec), sampleOf(samplesDeepCodec), sampleOf(samplesStringListCodec), sampleOf(samplesIntListCodec),
	sampleOf(samplesIDsCodec), sampleOf(samplesStringIntMapCodec), sampleOf(samplesLevelsCodec), sampleOf(samplesFlagByteListMapCodec),
	sampleOf(samplesFloat32Uint8MapCodec), sampleOf(samplesStringStringBoxStringMapMapCodec), sampleOf(samplesItemsCodec),
}

func TestCodecsAreCurrent(t *testing.T) {
	for _, s := range all {
		if !s.current() {
			t.Errorf("the codec of %s is not used: generator and runtime give its type other layouts", s.name)
		}
	}
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

func TestBothWaysAgree(t *testing.T) {
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
					it.items[0].mutate(&c)
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
			it.items[0].mutate(&c)
		}
		s.decode(t, it.append(nil))
	})
}

// allocates returns how many allocations it takes to encode v, and to decode it,
// by its codec.
func allocates[T any](t *testing.T, codec *stub.Codec[T], v T) (encoding, decoding float64) {
	t.Helper()
	const runs = 100
	e := stub.NewEncoder(nil, limit)
	stub.Encode(e, make([]byte, limit/4)) // so that what follows needs no room
	codec.Encode(e, v)
	encoding = testing.AllocsPerRun(runs, func() { codec.Encode(e, v) })
	body, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	d, err := stub.NewDecoder(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	var first []byte
	stub.Decode(d, &first)
	decoding = testing.AllocsPerRun(runs, func() {
		var v T
		codec.Decode(d, &v)
	})
	return encoding, decoding
}

func TestCodecsAllocateOnlyTheValue(t *testing.T) {
	check := func(name string, encoding, decoding, most float64) {
		if encoding > 0 || decoding > most {
			t.Errorf("%s takes %v allocations to encode and %v to decode, want 0 and %v", name, encoding, decoding, most)
		}
	}
	encoding, decoding := allocates(t, samplesPointCodec, Point{1, 2})
	check("Point", encoding, decoding, 0)
	encoding, decoding = allocates(t, samplesScalarsCodec, Scalars{String: "a", Bytes: []byte("b")})
	check("Scalars", encoding, decoding, 2)
	encoding, decoding = allocates(t, samplesIntListCodec, []int{1, 2, 3})
	check("[]int", encoding, decoding, 1)
	encoding, decoding = allocates(t, samplesOptionalCodec, Optional{Always: 1})
	check("Optional", encoding, decoding, 0)
	order := Order{Customer: "C", Lines: []Line{{SKU: "1"}, {SKU: "2"}}, Tags: []string{"a"}}
	encoding, decoding = allocates(t, samplesOrderCodec, order)
	check("Order", encoding, decoding, 6)
	encoding, decoding = allocates(t, samplesStringIntMapCodec, map[string]int{"a": 1, "b": 2, "c": 3})
	check("map[string]int", encoding, decoding, 3+1)
}
