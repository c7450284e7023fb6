// Counter is the quickstart: run it twice within two seconds, and the second
// run goes on counting where the first one stopped.
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

// Inc adds one and returns the sum.
func (c *Counter) Inc() int { c.value++; return c.value }

func main() {
	rt.ServeIfDaemon() // first line of main: this program is the daemon, too
	name := flag.String("name", "counter-example", "which counter")
	n := flag.Int("n", 3, "how often to count, at least once")
	idle := flag.Duration("idle", 2*time.Second, "how long its daemon stays without clients")
	status := flag.Bool("status", false, "only say how the daemon is; start none")
	shutdown := flag.Bool("shutdown", false, "only make the daemon leave")
	flag.Parse()
	shared := ShareCounter(rt.Config{Name: *name, IdleTTL: *idle})
	defer shared.Close()
	ctx := context.Background()
	if *shutdown {
		check(shared.Shutdown(ctx, rt.ShutdownDrain))
		return
	}
	if !*status {
		client, err := shared.Connect(ctx) // every method: context first, error last
		check(err)
		for range *n - 1 {
			_, err := client.Inc(ctx)
			check(err)
		}
	}
	s, err := shared.Status(ctx)
	check(err)
	fmt.Printf("daemon: pid %d, %d calls, idle time left %v\n", s.PID, s.Calls, s.IdleLeft)
	if !*status {
		proxy, err := shared.Proxy(ctx) // exactly the methods of *Counter
		check(err)
		fmt.Println("count", proxy.Inc())
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
