package wire_test

import (
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

func FuzzUnmarshal(f *testing.F) {
	for _, v := range vectors[[]cborVector](f, "cbor.json") {
		f.Add([]byte(v.Input))
	}
	type everything struct {
		I   int
		U   uint8
		F   float32
		S   string
		B   []byte
		A   [3]byte
		L   []everything
		M   map[string]int
		K   map[record]bool
		P   *int
		T   time.Time
		Big *big.Int
		IP  netip.Addr
		Lvl level
		Any any
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rest, firstErr := wire.UnmarshalFirst(data, new(any))
		var v any
		if err := wire.Unmarshal(data, &v); (err == nil) != (firstErr == nil && len(rest) == 0) {
			t.Errorf("first: %d bytes left, %v; whole: %v", len(rest), firstErr, err)
		}
		for _, v := range []any{new(everything), new([]everything), new(int), new(nested), new(map[loud]level)} {
			strictErr, openErr := wire.Unmarshal(data, v), wire.UnmarshalOpen(data, reflect.New(reflect.TypeOf(v).Elem()).Interface())
			if strictErr == nil && openErr != nil {
				t.Errorf("%T: strict accepts what open refuses: %v", v, openErr)
			}
			if strictErr == nil {
				// Some marshallers encode values that they do not decode. That is
				// their bug; this package must not panic.
				_, _ = wire.Marshal(v)
			}
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	data, _ := wire.Marshal(map[string]int{"a": 1, "b": 2, "c": 3})
	b.ReportAllocs()
	for b.Loop() {
		var v map[string]int
		if err := wire.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}
