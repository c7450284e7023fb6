//go:build unix

package rt_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// BenchmarkAllocs counts the allocations of a call in the client's process and
// in the daemon's.
func BenchmarkAllocs(b *testing.B) {
	background := context.Background()
	cancellable, cancel := context.WithCancel(background)
	defer cancel()
	inc := func(ctx context.Context) func(*objects.CounterClient) error {
		return func(c *objects.CounterClient) error {
			_, err := c.Inc(ctx)
			return err
		}
	}
	p := make([]byte, 1<<10)
	for _, call := range []struct {
		name string
		call func(*objects.CounterClient) error
	}{
		{"Inc", inc(background)},
		{"IncCancellable", inc(cancellable)},
		{"Echo1KiB", func(c *objects.CounterClient) error {
			_, err := c.Echo(background, p)
			return err
		}},
	} {
		b.Run(call.name, func(b *testing.B) {
			c := connect(b, singleton{Dir: rttest.Dir(b), Name: "c", Transport: rt.TransportUnix})
			countAllocs(b, c, call.call)
		})
	}
}

// countAllocs makes calls enough that those which tell the count do not matter.
func countAllocs(b *testing.B, c *objects.CounterClient, call func(*objects.CounterClient) error) {
	const calls = 5000
	theirs := func() uint64 {
		n, err := c.Mallocs(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	ours := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Mallocs
	}
	var client, daemon, made uint64
	for b.Loop() {
		daemonBefore, clientBefore := theirs(), ours()
		for range calls {
			if err := call(c); err != nil {
				b.Fatal(err)
			}
		}
		client += ours() - clientBefore
		daemon += theirs() - daemonBefore
		made += calls
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(client)/float64(made), "client-allocs/call")
	b.ReportMetric(float64(daemon)/float64(made), "daemon-allocs/call")
}
