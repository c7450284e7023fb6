package main

import (
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

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
		select { // a request takes time
		case <-time.After(5 * time.Millisecond):
		case <-r.Context().Done():
		}
	})
}
