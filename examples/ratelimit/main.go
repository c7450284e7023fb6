// Ratelimit has several processes call an API that answers so many requests a
// second, so many at a time, and refuses the rest. The processes share a limiter and
// a semaphore, so that together they stay within both limits.
//
// It is for tools that many agents, jobs or terminals start at the same time, and
// that call one service under one account. The slots of a process that was killed are
// free again.
//
//	go run . -workers 4 -rate 100 -slots 2 -calls 50
//	go run . -workers 4 -rate 100 -slots 2 -calls 50 -alone
//
// The second line shows the problem: each process keeps to the limits, and most
// requests are refused.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/loopgen/loopgen/rt"
)

// Both types are shared as they are. They are safe for concurrent use, so a call that
// waits holds up no other. A reservation is an object, and cannot leave the daemon.
//
//go:generate go tool loopgen -type golang.org/x/time/rate.Limiter -concurrent all -skip Reserve,ReserveN
//
// With the session, the daemon calls Release for a process that has ended, or closed
// its Shared, and has not released what it acquired.
//
//go:generate go tool loopgen -type golang.org/x/sync/semaphore.Weighted -concurrent all -session Acquire=Release,TryAcquire=Release

// limits is what a worker needs: *rate.Limiter and *semaphore.Weighted have the
// methods, and so have *LimiterProxy and *WeightedProxy.
type limits struct {
	limiter interface {
		Wait(ctx context.Context) error
	}
	semaphore interface {
		Acquire(ctx context.Context, n int64) error
		Release(n int64)
	}
}

var (
	workers = flag.Int("workers", 4, "how many `processes` call the API")
	limit   = flag.Float64("rate", 100, "how many requests a `second` the API answers")
	slots   = flag.Int64("slots", 2, "how many requests the API answers `at a time`")
	calls   = flag.Int("calls", 50, "how many `requests` each process makes")
	alone   = flag.Bool("alone", false, "give each process limits of its own")
	api     = flag.String("api", "", "the `address` of the API; this process is a worker then")
)

func main() {
	rt.ServeIfDaemon()
	log.SetFlags(0)
	flag.Parse()
	if *api != "" {
		if err := work(context.Background()); err != nil {
			log.Fatal(err)
		}
		return
	}
	server := httptest.NewServer(newAPI(rate.Limit(*limit), *slots))
	defer server.Close()
	start := time.Now()
	answered := sum(startWorkers(server.URL))
	fmt.Printf("%d of %d requests answered in %v\n", answered, *workers**calls, time.Since(start).Round(10*time.Millisecond))
}

// newAPI returns an API that refuses requests beyond the limits. Requests that were
// sent one after the other may arrive together, so it accepts a short burst.
func newAPI(limit rate.Limit, slots int64) http.Handler {
	l := rate.NewLimiter(limit, 20)
	var active atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer active.Add(-1)
		if active.Add(1) > slots || !l.Allow() {
			http.Error(w, "slow down", http.StatusTooManyRequests)
			return
		}
		select { // what the API does takes time
		case <-time.After(5 * time.Millisecond):
		case <-r.Context().Done():
		}
	})
}

// open returns the limits, and what closes them. The shared ones are named by the
// address of the API. A proxy's Release has no error result: it panics if the daemon
// that held the slot was killed.
func open(ctx context.Context) (l limits, closeAll func(), err error) {
	if *alone {
		return limits{rate.NewLimiter(rate.Limit(*limit), 1), semaphore.NewWeighted(*slots)}, func() {}, nil
	}
	limiter := ShareLimiter(rt.Config{Name: *api}, rate.Limit(*limit), 1)
	weighted := ShareWeighted(rt.Config{Name: *api}, *slots)
	closeAll = func() { limiter.Close(); weighted.Close() }
	if l.limiter, err = limiter.Proxy(ctx); err == nil {
		l.semaphore, err = weighted.Proxy(ctx)
	}
	return l, closeAll, err
}

// work makes requests within the limits, and prints how many were answered.
func work(ctx context.Context) error {
	l, closeAll, err := open(ctx)
	defer closeAll()
	if err != nil {
		return err
	}
	answered := 0
	for range *calls {
		ok, err := request(ctx, l)
		if err != nil {
			return err
		}
		if ok {
			answered++
		}
	}
	fmt.Println(answered)
	return nil
}

// request makes a request, and reports whether it was answered.
func request(ctx context.Context, l limits) (bool, error) {
	if err := l.semaphore.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer l.semaphore.Release(1)
	if err := l.limiter.Wait(ctx); err != nil {
		return false, err
	}
	reply, err := http.Get(*api)
	if err != nil {
		return false, err
	}
	defer reply.Body.Close()
	return reply.StatusCode == http.StatusOK, nil
}

// startWorkers runs the workers and returns what each printed.
func startWorkers(url string) []string {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	said := make([]string, *workers)
	var running sync.WaitGroup
	for i := range said {
		running.Go(func() {
			cmd := exec.Command(self, append([]string{"-api", url}, os.Args[1:]...)...)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				log.Fatal(err)
			}
			said[i] = string(out)
		})
	}
	running.Wait()
	return said
}

func sum(said []string) (total int) {
	for _, s := range said {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			log.Fatal(err)
		}
		total += n
	}
	return total
}
