//go:build unix

package rt_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

func init() {
	addRole("trips", playTrips)
	addRole("raw trips", playRawTrips)
	addRole("connections", playConnections)
}

// BenchmarkCallers measures Inc() int by many goroutines on one connection.
// Floor: as many raw connections, each with a goroutine at either end.
func BenchmarkCallers(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			inc, _ := incTrip(b, rt.TransportUnix)
			raw := startRaw(b, rt.TransportUnix, payload)
			var incs, raws []func() error
			for range callers {
				incs, raws = append(incs, inc), append(raws, raw.trip(b))
			}
			race(b, "raw", together(b, raws), together(b, incs))
		})
	}
}

// BenchmarkQuota measures Inc() int by more goroutines on one connection than calls that
// may be outstanding on it. Compared to 64 goroutines.
func BenchmarkQuota(b *testing.B) {
	for _, callers := range []int{1000, 10000} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			inc, _ := incTrip(b, rt.TransportUnix)
			few, many := slices.Repeat([]func() error{inc}, 64), slices.Repeat([]func() error{inc}, callers)
			crowded := together(b, many)
			var before, after runtime.MemStats
			var allocs uint64
			rounds := duel(b, "few", together(b, few), func() []time.Duration {
				runtime.ReadMemStats(&before)
				defer func() {
					runtime.ReadMemStats(&after)
					allocs += after.Mallocs - before.Mallocs
				}()
				return crowded()
			})
			b.ReportMetric(float64(allocs)/float64(len(rounds[1])*callers*tripsTogether), "client-allocs/call")
		})
	}
}

// BenchmarkProcesses measures Inc() int by many processes. Floor: as many that
// make raw round trips with one server.
func BenchmarkProcesses(b *testing.B) {
	const processes = 8
	b.Run(fmt.Sprint(processes), func(b *testing.B) {
		inc := singleton{Dir: rttest.Dir(b), Name: "c", Transport: rt.TransportUnix}
		race(b, "raw",
			crowd(b, processes, "raw trips", startRaw(b, rt.TransportUnix, payload).singleton),
			crowd(b, processes, "trips", inc))
	})
}

// BenchmarkConnections measures Inc() int by one caller of a daemon to which
// many connections are open. Compared to a daemon to which only the caller's is.
func BenchmarkConnections(b *testing.B) {
	for _, open := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(open), func(b *testing.B) {
			alone, _ := incTrip(b, rt.TransportUnix)
			a := singleton{Dir: rttest.Dir(b), Name: "c", Transport: rt.TransportUnix}
			c := connect(b, a)
			start(b, "connections", a, withN(open-1)).says(b, "connected")
			crowded := func() error {
				_, err := c.Inc(context.Background())
				return err
			}
			duel(b, "alone", singly(b, 100, alone), singly(b, 100, crowded))
		})
	}
}

// BenchmarkQueued measures how long the answers to many calls take that are
// queued already, per call. Compared to ten.
func BenchmarkQueued(b *testing.B) {
	for _, calls := range []int{1000, 10000} {
		b.Run(fmt.Sprint(calls), func(b *testing.B) {
			duel(b, "ten", drained(b, 10), drained(b, calls))
		})
	}
}

// tripsTogether is how many trips each caller makes in a round of together.
const tripsTogether = 40

// together makes rounds in which every caller makes its trips, all callers at
// once, measured as a whole: its one time is what passes per trip.
func together(b *testing.B, callers []func() error) contestant {
	return func() []time.Duration {
		var all sync.WaitGroup
		begin := time.Now()
		for _, trip := range callers {
			all.Go(func() {
				for range tripsTogether {
					if err := trip(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return []time.Duration{time.Since(begin) / time.Duration(len(callers)*tripsTogether)}
	}
}

// crowd is together with a process for each caller, and with rounds long enough
// that telling the processes to begin does not matter.
func crowd(b *testing.B, processes int, role string, a singleton) contestant {
	b.Helper()
	const trips = 500
	var clients []*client
	for range processes {
		c := start(b, role, a, withN(trips))
		c.says(b, "connected")
		clients = append(clients, c)
	}
	return func() []time.Duration {
		begin := time.Now()
		for _, c := range clients {
			if _, err := fmt.Fprintln(c.stdin, "go"); err != nil {
				b.Fatal(err)
			}
		}
		for _, c := range clients {
			c.says(b, "done")
		}
		return []time.Duration{time.Since(begin) / time.Duration(processes*trips)}
	}
}

func playTrips(ctx context.Context, shared *counterShared, a args) (any, error) {
	c, err := shared.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return nil, tripsAsTold(a.N, func() error {
		_, err := c.Inc(context.Background())
		return err
	})
}

func playRawTrips(_ context.Context, _ *counterShared, a args) (any, error) {
	conn, err := net.Dial("unix", filepath.Join(a.Dir, "raw"))
	if err != nil {
		return nil, err
	}
	return nil, tripsAsTold(a.N, rawTrip(conn, payload))
}

// tripsAsTold makes n trips for each line of standard input.
func tripsAsTold(n int, trip func() error) error {
	fmt.Println("connected")
	for told := bufio.NewScanner(os.Stdin); told.Scan(); {
		for range n {
			if err := trip(); err != nil {
				return err
			}
		}
		fmt.Println("done")
	}
	return nil
}

// playConnections opens N connections, calls once on each, and keeps them until
// standard input ends.
func playConnections(ctx context.Context, _ *counterShared, a args) (any, error) {
	for range a.N {
		shared := objects.ShareCounter(a.config(), a.Options)
		defer shared.Close()
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := c.Inc(ctx); err != nil {
			return nil, err
		}
	}
	fmt.Println("connected")
	io.Copy(io.Discard, os.Stdin)
	return nil, nil
}

// drained makes rounds in which so many calls queue behind one that waits at a
// gate, on as many connections as their windows take. Its one time is that from
// the moment when the gate was passed, in the daemon, to the last answer, per
// call answered. So the way to the gate does not count, which would matter for
// few calls only.
func drained(b *testing.B, calls int) contestant {
	b.Helper()
	return drain(b, calls, func(int) {})
}

// drain is drained, and calls queued with the daemon's process before it opens the gate.
func drain(b testing.TB, calls int, queued func(pid int)) contestant {
	b.Helper()
	const window = 250
	ctx := context.Background()
	a := singleton{Dir: rttest.Dir(b), Name: "c", Transport: rt.TransportUnix}
	shared := share(b, a)
	first := connect(b, a)
	var queue []*objects.CounterClient
	for range (calls + window - 1) / window {
		queue = append(queue, connect(b, a))
	}
	status, err := shared.Status(ctx)
	if err != nil {
		b.Fatal(err)
	}
	rounds := 0
	return func() []time.Duration {
		rounds++
		gate := fmt.Sprint(rounds)
		var begin time.Time
		var all sync.WaitGroup
		all.Go(func() {
			var err error
			if begin, err = first.EnterUntil(ctx, gate); err != nil {
				b.Error(err)
			}
		})
		if err := first.Entered(ctx, gate); err != nil {
			b.Fatal(err)
		}
		for i := range calls {
			all.Go(func() {
				if _, err := queue[i%len(queue)].Inc(ctx); err != nil {
					b.Error(err)
				}
			})
		}
		eventually(b, "all are queued", func() bool {
			status, err := shared.Status(ctx)
			return err == nil && status.Waiting == calls
		})
		queued(status.PID)
		if err := first.Open(ctx, gate); err != nil {
			b.Fatal(err)
		}
		all.Wait()
		return []time.Duration{time.Since(begin) / time.Duration(calls+1)}
	}
}
