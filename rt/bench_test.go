//go:build unix

package rt_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// Each benchmark measures a floor (bench_floor_test.go) and the product in
// turn, and reports the median of both and their quotient, x/raw or x/exec.
// Quotients of one run can be compared between machines and with benchstat;
// no test judges them.

// payload is how many bytes go each way on the floor under Inc, which itself
// takes 17 and, for the answer, about 20.
const payload = 32

// BenchmarkCall measures Inc() int by one caller with the background context.
// Floor: a raw round trip of 4+32 bytes each way on the same kind of socket.
func BenchmarkCall(b *testing.B) {
	for _, transport := range []rt.Transport{rt.TransportUnix, rt.TransportTCP} {
		b.Run(string(transport), func(b *testing.B) {
			inc := incTrip(b, transport)
			raw := rawTrip(b, transport, payload)
			duel(b, "raw", singly(b, 100, raw), singly(b, 100, inc))
		})
	}
}

// BenchmarkCallers measures Inc() int by many goroutines on one connection: the
// time that passes per call. Floor: a raw round trip of 4+32 bytes by one
// caller; below 1, together they get more done than one on a bare socket.
func BenchmarkCallers(b *testing.B) {
	for _, callers := range []int{8, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			inc := incTrip(b, rt.TransportUnix)
			raw := rawTrip(b, rt.TransportUnix, payload)
			duel(b, "raw", singly(b, 100, raw), together(b, callers, 20, inc))
		})
	}
}

// BenchmarkEcho measures Echo(p []byte) []byte by one caller. Floor: a raw
// round trip of 4 bytes and those of p each way.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KiB", 1 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}} {
		b.Run(size.name, func(b *testing.B) {
			c := connect(b, args{Dir: rttest.Dir(b), Name: "c", Transport: rt.TransportUnix})
			p := make([]byte, size.bytes)
			echo := func() error {
				_, err := c.Echo(context.Background(), p)
				return err
			}
			raw := rawTrip(b, rt.TransportUnix, size.bytes)
			duel(b, "raw", singly(b, 20, raw), singly(b, 20, echo))
		})
	}
}

// BenchmarkStart measures the way from no daemon to the first answer: in a
// directory that no daemon has used (first) and in one that has been used
// (again), on the disk and in memory, since some file systems take longer to
// make a file the more files were removed just before. Floor: fork and exec of
// this binary, which does nothing and ends.
func BenchmarkStart(b *testing.B) {
	for _, in := range []struct{ name, dir string }{{"disk", os.TempDir()}, {"memory", "/dev/shm"}} {
		for _, which := range []string{"first", "again"} {
			b.Run(in.name+"/"+which, func(b *testing.B) {
				if _, err := os.Stat(in.dir); err != nil {
					b.Skip(err)
				}
				b.Setenv("TMPDIR", in.dir)
				dir := rttest.Dir(b)
				n := 0
				duel(b, "exec", execOnce(b), func() []time.Duration {
					a := args{Dir: dir, Name: "c"}
					if which == "first" {
						n++
						a.Name = fmt.Sprint("c", n)
					}
					took := firstAnswer(b, a)
					if err := share(b, a).Shutdown(context.Background(), rt.ShutdownNow); err != nil {
						b.Fatal(err)
					}
					return []time.Duration{took}
				})
			})
		}
	}
}

// BenchmarkAttach measures the way of a new Shared to its first answer from a
// daemon that runs already. Floor: as in BenchmarkStart.
func BenchmarkAttach(b *testing.B) {
	a := args{Dir: rttest.Dir(b), Name: "c"}
	connect(b, a) // and stays connected, so that the daemon stays
	duel(b, "exec", execOnce(b), func() []time.Duration {
		return []time.Duration{firstAnswer(b, a)}
	})
}

// duel lets the floor and the product have rounds in turn, so that whatever
// else the machine does meets both. Each returns the times that it measured.
func duel(b *testing.B, unit string, floor, product func() []time.Duration) {
	b.Helper()
	var low, high []time.Duration
	for b.Loop() {
		low = append(low, floor()...)
		high = append(high, product()...)
	}
	base, took := median(low), median(high)
	b.ReportMetric(0, "ns/op") // of a round: says nothing
	b.ReportMetric(micros(base), "µs/"+unit)
	b.ReportMetric(micros(took), "µs/call")
	b.ReportMetric(float64(took)/float64(base), "x/"+unit)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// singly makes rounds of n trips by one caller, each measured alone.
func singly(b *testing.B, n int, trip func() error) func() []time.Duration {
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

// together makes rounds of n trips by each of many callers at once, measured
// as a whole: its one time is what passes per trip.
func together(b *testing.B, callers, n int, trip func() error) func() []time.Duration {
	return func() []time.Duration {
		var all sync.WaitGroup
		begin := time.Now()
		for range callers {
			all.Go(func() {
				for range n {
					if err := trip(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return []time.Duration{time.Since(begin) / time.Duration(callers*n)}
	}
}

// incTrip starts a daemon and returns a function that calls Inc. It may be
// called concurrently.
func incTrip(b *testing.B, transport rt.Transport) func() error {
	b.Helper()
	c := connect(b, args{Dir: rttest.Dir(b), Name: "c", Transport: transport})
	return func() error {
		_, err := c.Inc(context.Background())
		return err
	}
}

// firstAnswer returns how long it takes from no Shared at all to an answer.
func firstAnswer(b *testing.B, a args) time.Duration {
	b.Helper()
	ctx := context.Background()
	begin := time.Now()
	shared := objects.ShareCounter(a.config(), a.Options)
	defer shared.Close()
	c, err := shared.Connect(ctx)
	if err == nil {
		_, err = c.Inc(ctx)
	}
	took := time.Since(begin)
	if err != nil {
		b.Fatal(err)
	}
	return took
}
