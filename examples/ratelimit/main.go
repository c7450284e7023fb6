// Ratelimit has several processes call an API that answers so many requests a
// second and refuses the rest. They share one limiter, so that together they stay
// within the limit; with -alone each has its own, and most requests are refused.
//
//	go run . -workers 4 -rate 100 -calls 50
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
	"time"

	"golang.org/x/time/rate"

	"github.com/loopgen/loopgen/rt"
)

// It is safe for concurrent use, so that nobody's Wait holds up anybody else's. A
// reservation is an object, and cannot leave the daemon.
//
//go:generate go tool loopgen -type golang.org/x/time/rate.Limiter -concurrent all -skip Reserve,ReserveN

// limiter is what a worker needs of one: *rate.Limiter and *LimiterProxy have it.
type limiter interface {
	Wait(ctx context.Context) error
}

var (
	workers = flag.Int("workers", 4, "how many `processes` call the API")
	limit   = flag.Float64("rate", 100, "how many requests a `second` the API answers")
	calls   = flag.Int("calls", 50, "how many `requests` each process makes")
	alone   = flag.Bool("alone", false, "give each process a limiter of its own")
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
	server := httptest.NewServer(newAPI(rate.Limit(*limit)))
	defer server.Close()
	start := time.Now()
	answered := sum(startWorkers(server.URL))
	fmt.Printf("%d of %d requests answered in %v\n", answered, *workers**calls, time.Since(start).Round(10*time.Millisecond))
}

// newAPI returns an API that refuses what exceeds limit. Requests that were sent
// one after the other may arrive together, so it is patient with a few.
func newAPI(limit rate.Limit) http.Handler {
	l := rate.NewLimiter(limit, 20)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !l.Allow() {
			http.Error(w, "slow down", http.StatusTooManyRequests)
		}
	})
}

// work makes requests, each when the limiter says so, and prints how many were
// answered.
func work(ctx context.Context) error {
	var l limiter = rate.NewLimiter(rate.Limit(*limit), 1)
	if !*alone {
		shared := ShareLimiter(rt.Config{Name: *api}, rate.Limit(*limit), 1)
		defer shared.Close()
		proxy, err := shared.Proxy(ctx)
		if err != nil {
			return err
		}
		l = proxy
	}
	answered := 0
	for range *calls {
		if err := l.Wait(ctx); err != nil {
			return err
		}
		reply, err := http.Get(*api)
		if err != nil {
			return err
		}
		reply.Body.Close()
		if reply.StatusCode == http.StatusOK {
			answered++
		}
	}
	fmt.Println(answered)
	return nil
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
