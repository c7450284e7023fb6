// Package quota keeps what one peer has outstanding within a number and a size.
package quota

import (
	"context"
	"sync"
)

// Quota is a number of places and of bytes in total. Places are granted in order of
// arrival: a small one never overtakes a large one. All methods may be called
// concurrently.
type Quota struct {
	mu      sync.Mutex
	calls   int // still to be had
	bytes   int
	waiting []*waiter // in order of arrival
	closed  bool
}

type waiter struct {
	size  int
	ready chan struct{} // closed when the place is the waiter's, or the quota closed
}

// New returns a quota of so many places and bytes.
func New(calls, bytes int) *Quota { return &Quota{calls: calls, bytes: bytes} }

// Acquire takes a place for a call of size bytes, waiting in order of arrival.
// It returns the context's error when that ends first. After Close there is
// always a place, since the connection itself refuses what is sent.
func (q *Quota) Acquire(ctx context.Context, size int) error {
	q.mu.Lock()
	if len(q.waiting) == 0 && q.fits(size) {
		q.take(size)
		q.mu.Unlock()
		return nil
	}
	me := &waiter{size: size, ready: make(chan struct{})}
	q.waiting = append(q.waiting, me)
	q.mu.Unlock()
	select {
	case <-me.ready:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.waiting {
		if q.waiting[i] == me {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			q.admit() // the next may be smaller
			return ctx.Err()
		}
	}
	q.give(size) // it was granted in the same moment
	return ctx.Err()
}

// Try takes a place for a call of size bytes and reports true, unless the call would
// have to wait.
func (q *Quota) Try(size int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 || !q.fits(size) {
		return false
	}
	q.take(size)
	return true
}

// Release gives a place back.
func (q *Quota) Release(size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.give(size)
}

// Close lets everybody through: the connection is gone.
func (q *Quota) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.admit()
}

// The rest is called with mu held.

func (q *Quota) fits(size int) bool {
	return q.closed || q.calls > 0 && q.bytes >= size
}

func (q *Quota) take(size int) {
	q.calls--
	q.bytes -= size
}

func (q *Quota) give(size int) {
	q.calls++
	q.bytes += size
	q.admit()
}

func (q *Quota) admit() {
	for len(q.waiting) > 0 && q.fits(q.waiting[0].size) {
		q.take(q.waiting[0].size)
		close(q.waiting[0].ready)
		q.waiting = q.waiting[1:]
	}
}
