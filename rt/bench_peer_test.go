//go:build unix

package rt_test

import (
	"context"
	"fmt"
	"net/rpc"
	"sync/atomic"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

func init() { roles["net/rpc"] = playNetRPC }

// BenchmarkPeer compares Inc() int to the same method served by net/rpc, by one
// caller and by many on one connection.
func BenchmarkPeer(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			inc, _ := incTrip(b, rt.TransportUnix)
			peer := netRPCTrip(b)
			var incs, peers []func() error
			for range callers {
				incs, peers = append(incs, inc), append(peers, peer)
			}
			race(b, "netrpc", together(b, peers), together(b, incs))
		})
	}
}

// NetRPCCounter counts for net/rpc, which calls its methods concurrently.
type NetRPCCounter struct{ value atomic.Int64 }

// Inc adds one and returns the sum.
func (c *NetRPCCounter) Inc(_ struct{}, sum *int) error {
	*sum = int(c.value.Add(1))
	return nil
}

func playNetRPC(_ context.Context, _ *counterShared, a args) (any, error) {
	server := rpc.NewServer()
	if err := server.Register(new(NetRPCCounter)); err != nil {
		return nil, err
	}
	ln, err := listenAsChild(a)
	if err != nil {
		return nil, err
	}
	server.Accept(ln)
	return nil, nil
}

// netRPCTrip starts a server and returns a function that calls Inc. It may be
// called concurrently.
func netRPCTrip(b *testing.B) func() error {
	b.Helper()
	peer := startServer(b, "net/rpc", args{Dir: rttest.Dir(b), Transport: rt.TransportUnix})
	client := rpc.NewClient(peer.dial(b))
	b.Cleanup(func() { client.Close() })
	return func() error {
		var sum int
		return client.Call("NetRPCCounter.Inc", struct{}{}, &sum)
	}
}
