//go:build unix

package objects_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// This benchmark is not beside the others, in rt: what net/rpc imports would
// make that binary start later, whose start is a floor there.

// socketVar names the socket on which a process of this binary serves net/rpc.
const socketVar = "OBJECTS_TEST_SOCKET"

func TestMain(m *testing.M) {
	if socket := os.Getenv(socketVar); socket != "" {
		if err := serveNetRPC(socket); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	rttest.Main(m)
}

// BenchmarkPeer compares Inc() int to the same method served by net/rpc, by one
// caller and by many on one connection. Both have short rounds in turn;
// throughput/netrpc is how many times as much the product gets done.
func BenchmarkPeer(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			shared := objects.ShareCounter(rt.Config{Scope: rt.ScopeDir(rttest.Dir(b)), Transport: rt.TransportUnix}, objects.Options{})
			defer shared.Close()
			c, err := shared.Connect(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			peer := dialNetRPC(b)
			var times, peers, quotients []float64 // in µs per call
			for b.Loop() {
				theirs := together(b, callers, func() error {
					var sum int
					return peer.Call("NetRPCCounter.Inc", struct{}{}, &sum)
				})
				ours := together(b, callers, func() error {
					_, err := c.Inc(context.Background())
					return err
				})
				times, peers, quotients = append(times, ours), append(peers, theirs), append(quotients, theirs/ours)
			}
			b.ReportMetric(0, "ns/op") // of a round: says nothing
			b.ReportMetric(middle(times), "µs/call")
			b.ReportMetric(middle(peers), "µs/netrpc")
			slices.Sort(quotients)
			b.ReportMetric(quotients[len(quotients)/4], "q1-throughput/netrpc")
			b.ReportMetric(quotients[len(quotients)/2], "throughput/netrpc")
			b.ReportMetric(quotients[len(quotients)*3/4], "q3-throughput/netrpc")
		})
	}
}

// together returns the microseconds that pass per trip when every caller makes
// 40, all callers at once.
func together(b *testing.B, callers int, trip func() error) float64 {
	b.Helper()
	const trips = 40
	var all sync.WaitGroup
	begin := time.Now()
	for range callers {
		all.Go(func() {
			for range trips {
				if err := trip(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return float64(time.Since(begin)) / float64(time.Microsecond) / float64(callers*trips)
}

func middle(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// NetRPCCounter counts for net/rpc, which calls its methods concurrently.
type NetRPCCounter struct{ value atomic.Int64 }

// Inc adds one and returns the sum.
func (c *NetRPCCounter) Inc(_ struct{}, sum *int) error {
	*sum = int(c.value.Add(1))
	return nil
}

// serveNetRPC says on standard output that it listens, and ends the process when
// whoever started it is gone, whatever became of it.
func serveNetRPC(socket string) error {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	server := rpc.NewServer()
	if err := server.Register(new(NetRPCCounter)); err != nil {
		return err
	}
	ln, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	os.Stdout.WriteString("\n")
	server.Accept(ln)
	return nil
}

// dialNetRPC starts a process that serves and connects to it.
func dialNetRPC(b *testing.B) *rpc.Client {
	b.Helper()
	socket := filepath.Join(rttest.Dir(b), "netrpc")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), socketVar+"="+socket)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // as a daemon has a session of its own
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		b.Fatal("net/rpc does not serve")
	}
	client, err := rpc.Dial("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.Close() })
	return client
}
