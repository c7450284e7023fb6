package samples

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/loopgen/loopgen/rt/stub"
)

// BenchmarkCodec measures a message of one value by its codec. Floor: the CBOR
// library, on the same value in the same run; x/cbor is how many times as long
// the codec takes. x/long is the same for the long way, which is the library
// with all that has to be checked before and after.
func BenchmarkCodec(b *testing.B) {
	ints, counts := make([]int, 100), make(map[string]int)
	for i := range ints {
		ints[i] = i * i
		counts["word "+strconv.Itoa(i)] = i
	}
	order := Order{
		ID: 12345678, Customer: "Miller & Sons", Tags: []string{"express", "gift"}, Paid: true, Total: 129.95,
		Lines: []Line{{"A-1", 1, 99.95}, {"B-22", 2, 10}, {"C-333", 5, 2}},
		Meta:  map[string]string{"channel": "web", "agent": "x"},
	}
	compare(b, "Point", samplesPointCodec, Point{1.5, 0.1})
	compare(b, "Scalars", samplesScalarsCodec, Scalars{Int: -5, Int64: 1 << 40, Float64: 0.1, String: "some text", Bytes: []byte("bytes")})
	compare(b, "Order", samplesOrderCodec, order)
	compare(b, "Orders", samplesOrderListCodec, slices.Repeat([]Order{order}, 50))
	compare(b, "Ints", samplesIntListCodec, ints)
	compare(b, "Counts", samplesStringIntMapCodec, counts)
}

func compare[T any](b *testing.B, name string, codec *stub.Codec[T], v T) {
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
	e, d := stub.NewEncoder(nil, 16<<20), new(stub.Decoder)
	encode := func(encode func(*stub.Encoder, T)) func() {
		return func() {
			e.Reset(nil, 16<<20, 0)
			encode(e, v)
			_, err := e.Finish()
			must(err)
		}
	}
	encode(stub.Encode[T])()
	body, err := e.Finish()
	must(err)
	body = bytes.Clone(body)
	decode := func(decode func(*stub.Decoder, *T)) func() {
		return func() {
			var v T
			must(d.Reset(nil, body))
			decode(d, &v)
			must(d.End())
		}
	}
	var buf bytes.Buffer
	b.Run(name+"/encode", func(b *testing.B) {
		duel(b, encode(codec.Encode), encode(stub.Encode[T]), func() {
			buf.Reset()
			must(library.MarshalToBuffer(v, &buf))
		})
	})
	b.Run(name+"/decode", func(b *testing.B) {
		duel(b, decode(codec.Decode), decode(stub.Decode[T]), func() {
			var v T
			must(cbor.Unmarshal(body[1:], &v))
		})
	})
}

// duel lets all three have rounds in turn, so that whatever else the machine
// does meets all of them, and reports the medians of the rounds.
func duel(b *testing.B, codec, long, library func()) {
	const times = 200
	all := []func(){codec, long, library}
	rounds := make([][]float64, len(all))
	for b.Loop() {
		for i, once := range all {
			begin := time.Now()
			for range times {
				once()
			}
			rounds[i] = append(rounds[i], float64(time.Since(begin).Nanoseconds())/times)
		}
	}
	middle := func(i int) float64 {
		slices.Sort(rounds[i])
		return rounds[i][len(rounds[i])/2]
	}
	b.ReportMetric(0, "ns/op") // of a round: says nothing
	b.ReportMetric(middle(0), "ns/codec")
	b.ReportMetric(middle(1), "ns/long")
	b.ReportMetric(middle(2), "ns/cbor")
	b.ReportMetric(middle(0)/middle(2), "x/cbor")
	b.ReportMetric(middle(0)/middle(1), "x/long")
	b.ReportMetric(testing.AllocsPerRun(20, codec), "allocs/codec")
	b.ReportMetric(testing.AllocsPerRun(20, library), "allocs/cbor")
}
