// Package quota limits the number and the total size of the calls that one peer has
// outstanding. It touches nothing but its own memory.
package quota

import (
	"context"
	"sync"
)

// Quota is a number of calls and of bytes in total that may be outstanding. Calls are
// granted in order of arrival: a small call never overtakes a large one. All methods may be
// called concurrently.
type Quota struct {
	mu      sync.Mutex
	calls   int       // free
	bytes   int       // free
	waiting []*waiter // in order of arrival
	closed  bool
}

type waiter struct {
	size  int
	ready chan struct{} // closed when the call is granted
}

// New returns a quota of so many calls and bytes, all of them free.
func New(calls, bytes int) *Quota { return &Quota{calls: calls, bytes: bytes} }

// Acquire acquires a call of size bytes and waits for it in order of arrival. It returns
// the context's error if the context ends first. After Close it always succeeds at once,
// since the connection itself fails every call.
func (q *Quota) Acquire(ctx context.Context, size int) error {
	q.mu.Lock()
	if len(q.waiting) == 0 && q.fits(size) {
		q.acquire(size)
		q.mu.Unlock()
		return nil
	}
	w := &waiter{size: size, ready: make(chan struct{})}
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.waiting {
		if q.waiting[i] == w {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			q.grant() // the next waiter may need less
			return ctx.Err()
		}
	}
	q.release(size) // granted at the same moment
	return ctx.Err()
}

// Try acquires a call of size bytes without waiting and reports whether it could.
func (q *Quota) Try(size int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 || !q.fits(size) {
		return false
	}
	q.acquire(size)
	return true
}

// Release releases a call of size bytes that Acquire or Try has acquired.
func (q *Quota) Release(size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.release(size)
}

// Close grants every waiting call and every later one: the connection has ended.
func (q *Quota) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.grant()
}

// The functions below are called with mu held.

func (q *Quota) fits(size int) bool {
	return q.closed || q.calls > 0 && q.bytes >= size
}

func (q *Quota) acquire(size int) {
	q.calls--
	q.bytes -= size
}

func (q *Quota) release(size int) {
	q.calls++
	q.bytes += size
	q.grant()
}

// grant grants waiting calls from the first on, as far as they fit.
func (q *Quota) grant() {
	for len(q.waiting) > 0 && q.fits(q.waiting[0].size) {
		q.acquire(q.waiting[0].size)
		close(q.waiting[0].ready)
		q.waiting = q.waiting[1:]
	}
}
