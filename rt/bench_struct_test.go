//go:build unix

package rt_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/records"
)

// BenchmarkStruct measures File(Record) Record, with ten fields each way, by one
// caller. Floor: the raw round trip under Inc.
func BenchmarkStruct(b *testing.B) {
	b.Setenv("LOOPGEN_CHECK", "0") // that of package rttest decodes the arguments twice and encodes them three times
	shared := records.ShareClerk(rt.Config{Scope: rt.ScopeDir(rttest.Dir(b)), Name: "clerk", Transport: rt.TransportUnix})
	defer shared.Close()
	c, err := shared.Connect(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	record := records.Record{
		ID: 1 << 40, Name: "Ada Lovelace", Email: "ada@example.com", Age: 36, Height: 1.65, Active: true,
		Tags: []string{"poet", "analyst"}, Scores: []int{7, 8, 9}, Created: time.Unix(1e9, 0).UTC(), Note: "first",
	}
	if got, err := c.File(context.Background(), record); err != nil || !reflect.DeepEqual(got, record) {
		b.Fatalf("got %+v, %v, want %+v", got, err, record)
	}
	file := func() error { // DeepEqual would take a quarter of the values' time
		got, err := c.File(context.Background(), record)
		if err == nil && got.Note != record.Note {
			b.Fatalf("got %+v, want %+v", got, record)
		}
		return err
	}
	raw := startRaw(b, rt.TransportUnix, payload).trip(b)
	duel(b, "raw", singly(b, 100, raw), singly(b, 100, file))
}
