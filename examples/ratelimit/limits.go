package main

import (
	"context"

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

// limits has the methods that a worker needs. *rate.Limiter and *semaphore.Weighted
// have them, and so have *LimiterProxy and *WeightedProxy.
type limits struct {
	limiter interface {
		Wait(ctx context.Context) error
	}
	semaphore interface {
		Acquire(ctx context.Context, n int64) error
		Release(n int64)
	}
}

// shareLimiter and shareSlots return the shared limits of an API. A name means one
// object, whatever its type.
func shareLimiter(api string, limit float64) *rt.Shared[*LimiterClient, *LimiterProxy] {
	return ShareLimiter(rt.Config{Name: "limiter " + api}, rate.Limit(limit), 1)
}

func shareSlots(api string, slots int64) *rt.Shared[*WeightedClient, *WeightedProxy] {
	return ShareWeighted(rt.Config{Name: "slots " + api}, slots)
}

// open returns the limits, and a function that closes them. A proxy's Release has no
// error result: it panics if the daemon that held the slot was killed.
func open(ctx context.Context) (l limits, closeAll func(), err error) {
	if *alone {
		return limits{rate.NewLimiter(rate.Limit(*limit), 1), semaphore.NewWeighted(*slots)}, func() {}, nil
	}
	limiter, semaphore := shareLimiter(*api, *limit), shareSlots(*api, *slots)
	closeAll = func() { limiter.Close(); semaphore.Close() }
	if l.limiter, err = limiter.Proxy(ctx); err == nil {
		l.semaphore, err = semaphore.Proxy(ctx)
	}
	return l, closeAll, err
}
