//go:build unix

package rt_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
)

func init() {
	addRole("spin", playSpin)
}

// BenchmarkBusy measures Inc() int by one caller while 20 threads, in a session of their
// own, never sleep: the mean, and the 99th percentile of all calls. Floor: a raw round trip
// on the same host.
func BenchmarkBusy(b *testing.B) {
	inc, _ := incTrip(b, rt.TransportUnix)
	raw := startRaw(b, rt.TransportUnix, payload).trip(b)
	start(b, "spin", singleton{}, withN(20), withSession()).says(b, "spinning")
	all := inTurn(b, singly(b, 100, raw), singly(b, 100, inc))
	b.ReportMetric(micros(mean(all[0])), "µs/raw")
	b.ReportMetric(micros(mean(all[1])), "µs/call")
	reportQuotients(b, quotients(all[1], all[0], mean), "mean-x/raw")
	floor, call := all[0].quantile(0.99), all[1].quantile(0.99)
	b.ReportMetric(micros(floor), "p99-µs/raw")
	b.ReportMetric(micros(call), "p99-µs/call")
	b.ReportMetric(float64(call)/float64(floor), "p99-x/raw")
}

// mean is that of the times of all rounds together.
func mean(s series) time.Duration {
	var sum, n time.Duration
	for _, round := range s {
		for _, t := range round {
			sum += t
			n++
		}
	}
	return sum / n
}

// playSpin keeps N threads running until standard input ends.
func playSpin(_ context.Context, _ *counterShared, a args) (any, error) {
	runtime.GOMAXPROCS(a.N + 1) // one more, to see the end
	for range a.N {
		go func() { // ends with the process
			for i := 0; ; i++ {
			}
		}()
	}
	fmt.Println("spinning")
	io.Copy(io.Discard, os.Stdin)
	return nil, nil
}
