// Counter is the quickstart: run it again within two seconds, and it goes on
// counting where the first run stopped.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/loopgen/loopgen/rt"
)

//go:generate go tool loopgen -type Counter

// Counter counts. It needs no lock: one call runs at a time.
type Counter struct{ value int }

// NewCounter returns a counter that goes on from start.
func NewCounter(start int) *Counter { return &Counter{value: start} }

// Add adds n and returns the sum.
func (c *Counter) Add(n int) int { c.value += n; return c.value }

func main() {
	rt.ServeIfDaemon()
	name := flag.String("name", "counter-example", "which counter")
	n := flag.Int("n", 3, "how often to count, at least once")
	idle := flag.Duration("idle", 2*time.Second, "how long its daemon stays without clients")
	status := flag.Bool("status", false, "only print what the daemon says of itself; start none")
	shutdown := flag.Bool("shutdown", false, "only make the daemon leave")
	flag.Parse()
	ctx := context.Background()
	shared := ShareCounter(rt.Config{Name: *name, IdleTTL: *idle}, 0)
	defer shared.Close()
	if *shutdown {
		check(shared.Shutdown(ctx, rt.ShutdownDrain))
		return
	}
	if !*status {
		client, err := shared.Connect(ctx) // every method: context first, error last
		check(err)
		for range *n - 1 {
			_, err := client.Add(ctx, 1)
			check(err)
		}
		proxy, err := shared.Proxy(ctx) // exactly the methods of *Counter
		check(err)
		var api CounterAPI = proxy
		defer fmt.Println("count", api.Add(1))
	}
	s, err := shared.Status(ctx)
	check(err)
	fmt.Printf("daemon: pid %d, %d calls, clients %d, idle time left %v\n", s.PID, s.Calls, len(s.Clients), s.IdleLeft)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
