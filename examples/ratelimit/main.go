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
	"time"

	"golang.org/x/time/rate"

	"github.com/loopgen/loopgen/rt"
)

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
