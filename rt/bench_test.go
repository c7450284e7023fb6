//go:build unix

package rt_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// Each benchmark measures a floor (bench_floor_test.go) and the product, in
// turn, and reports quotients: x/raw or x/exec is how many times as long the
// product takes, throughput/raw how many times as much it gets done. Those of
// one run can be compared between machines and with benchstat; .ci/speed makes
// a table of them and judges it.
//
// This process is the client, of the product as of the floor. Their servers are
// processes of their own.

// payload is how many bytes go each way on the floor under Inc, which itself
// takes 17 and, for the answer, about 20.
const payload = 32

// BenchmarkCall measures Inc() int by one caller with the background context.
// Floor: a raw round trip of 4+32 bytes each way on a Unix socket, for TCP as
// well; x/rawtcp tells how much of that is TCP's.
func BenchmarkCall(b *testing.B) {
	raw := func(b *testing.B, transport rt.Transport) contestant {
		return singly(b, 100, startRaw(b, transport, payload).trip(b))
	}
	b.Run("unix", func(b *testing.B) {
		inc, _ := incTrip(b, rt.TransportUnix)
		all := duel(b, "raw", raw(b, rt.TransportUnix), singly(b, 100, inc))
		floor, call := all[0].quantile(0.99), all[1].quantile(0.99)
		b.ReportMetric(micros(floor), "p99-µs/raw")
		b.ReportMetric(micros(call), "p99-µs/call")
		b.ReportMetric(float64(call)/float64(floor), "p99-x/raw")
	})
	b.Run("cancellable", func(b *testing.B) {
		c := connect(b, singleton{Dir: rttest.Dir(b), Name: "c", Transport: rt.TransportUnix})
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		duel(b, "raw", raw(b, rt.TransportUnix), singly(b, 100, func() error {
			_, err := c.Inc(ctx)
			return err
		}))
	})
	b.Run("tcp", func(b *testing.B) {
		inc, _ := incTrip(b, rt.TransportTCP)
		all := duel(b, "raw", raw(b, rt.TransportUnix), singly(b, 100, inc), raw(b, rt.TransportTCP))
		b.ReportMetric(micros(all[2].quantile(0.5)), "µs/rawtcp")
		reportQuotients(b, quotients(all[1], all[2], median), "x/rawtcp")
	})
}

// BenchmarkEcho measures Echo(p []byte) []byte by one caller. Floor: a raw
// round trip of 4 bytes and those of p each way. The daemon compares p after the call,
// except for in, which calls EchoIn.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
		in    bool
	}{{"1KiB", 1 << 10, false}, {"64KiB", 64 << 10, false}, {"64KiB/in", 64 << 10, true}, {"1MiB", 1 << 20, false}, {"1MiB/in", 1 << 20, true}} {
		b.Run(size.name, func(b *testing.B) {
			c := connect(b, singleton{Dir: rttest.Dir(b), Name: "c", Transport: rt.TransportUnix})
			p := make([]byte, size.bytes)
			method := c.Echo
			if size.in {
				method = c.EchoIn
			}
			echo := func() error {
				_, err := method(context.Background(), p)
				return err
			}
			raw := startRaw(b, rt.TransportUnix, size.bytes).trip(b)
			race(b, "raw", singly(b, 20, raw), singly(b, 20, echo))
		})
	}
}

// A contestant has one round and returns what it measured in it.
type contestant func() []time.Duration

// series are the times that a contestant measured, by round.
type series [][]time.Duration

// inTurn lets contestants have rounds in turn, so that whatever else the machine
// does meets all of them.
func inTurn(b *testing.B, contestants ...contestant) []series {
	b.Helper()
	all := make([]series, len(contestants))
	for b.Loop() {
		for i, round := range contestants {
			all[i] = append(all[i], round())
		}
	}
	b.ReportMetric(0, "ns/op") // of a round: says nothing
	return all
}

// duel reports the medians of a floor and of the product, and how many times as long the
// product takes. The caller reports the medians of the others.
func duel(b *testing.B, unit string, floor, product contestant, others ...contestant) []series {
	b.Helper()
	all := inTurn(b, append([]contestant{floor, product}, others...)...)
	b.ReportMetric(micros(all[0].quantile(0.5)), "µs/"+unit)
	b.ReportMetric(micros(all[1].quantile(0.5)), "µs/call")
	reportQuotients(b, quotients(all[1], all[0], median), "x/"+unit)
	return all
}

// race reports what duel does, but how many times as much the product gets done
// in the same time.
func race(b *testing.B, unit string, other, product contestant) {
	b.Helper()
	all := inTurn(b, other, product)
	b.ReportMetric(micros(all[0].quantile(0.5)), "µs/"+unit)
	b.ReportMetric(micros(all[1].quantile(0.5)), "µs/call")
	reportQuotients(b, quotients(all[0], all[1], median), "throughput/"+unit)
}

// quantile is that of the times of all rounds together.
func (s series) quantile(q float64) time.Duration {
	all := slices.Concat(s...)
	slices.Sort(all)
	return all[int(q*float64(len(all)))]
}

// quotients divides a measure of each round by that of the other's round beside it. Rounds
// that lie side by side find the machine in the same state.
func quotients(of, to series, measure func(round series) time.Duration) (all []float64) {
	for i := range of {
		all = append(all, float64(measure(of[i:i+1]))/float64(measure(to[i:i+1])))
	}
	return all
}

func median(round series) time.Duration { return round.quantile(0.5) }

// reportQuotients reports the median and the quartiles of the quotients of the rounds.
func reportQuotients(b *testing.B, all []float64, unit string) {
	b.Helper()
	slices.Sort(all)
	b.ReportMetric(all[len(all)/4], "q1-"+unit)
	b.ReportMetric(all[len(all)/2], unit)
	b.ReportMetric(all[len(all)*3/4], "q3-"+unit)
}

// middle is the median.
func middle(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// singly makes rounds of n trips by one caller, each measured alone.
func singly(b *testing.B, n int, trip func() error) contestant {
	return func() []time.Duration {
		times := make([]time.Duration, n)
		for i := range times {
			begin := time.Now()
			if err := trip(); err != nil {
				b.Fatal(err)
			}
			times[i] = time.Since(begin)
		}
		return times
	}
}

// incTrip starts a daemon and returns a function that calls Inc, and the
// daemon's process. The function may be called concurrently.
func incTrip(b *testing.B, transport rt.Transport) (trip func() error, pid int) {
	b.Helper()
	a := singleton{Dir: rttest.Dir(b), Name: "c", Transport: transport}
	c := connect(b, a)
	return func() error {
		_, err := c.Inc(context.Background())
		return err
	}, a.endpoint(b).PID
}
