package main

import "golang.org/x/time/rate"

//go:generate go tool loopgen -type Limiter -concurrent all -skip Reserve,ReserveN

// Limiter is a rate.Limiter: the daemon keeps one for all workers. It is safe for
// concurrent use, so that nobody's Wait holds up anybody else's. A reservation
// is an object that cannot leave the daemon.
type Limiter struct{ *rate.Limiter }

// NewLimiter returns a limiter that allows limit events a second, and bursts.
func NewLimiter(limit rate.Limit, burst int) *Limiter {
	return &Limiter{rate.NewLimiter(limit, burst)}
}
