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
	mu          sync.Mutex
	calls       int     // free
	bytes       int     // free
	first, last *Waiter // the calls that wait, in order of arrival; nil: none
	closed      bool
}

// Waiter is the memory with which a call waits in a list of calls. Its zero value is ready
// for use, and it can be used again once Acquire has returned.
type Waiter struct {
	size       int
	granted    chan struct{} // gets a value when the call is granted; buffered; nil: the waiter has not waited yet
	prev, next *Waiter
	waits      bool // in the list; guarded by Quota.mu
}

// New returns a quota of so many calls and bytes, all of them free.
func New(calls, bytes int) *Quota { return &Quota{calls: calls, bytes: bytes} }

// Acquire acquires a call of size bytes and waits for it in order of arrival, with w. It
// returns the context's error if the context ends first. After Close it always succeeds at
// once, since the connection itself fails every call.
func (q *Quota) Acquire(ctx context.Context, size int, w *Waiter) error {
	q.mu.Lock()
	if q.first == nil && q.fits(size) {
		q.acquire(size)
		q.mu.Unlock()
		return nil
	}
	if w.granted == nil {
		w.granted = make(chan struct{}, 1)
	}
	w.size = size
	q.push(w)
	q.mu.Unlock()
	if ctx.Done() == nil { // a select costs more
		<-w.granted
		return nil
	}
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.waits {
		q.remove(w)
		q.grant() // the next waiter may need less
	} else {
		<-w.granted // at the same moment
		q.release(size)
	}
	return ctx.Err()
}

// Try acquires a call of size bytes without waiting and reports whether it could.
func (q *Quota) Try(size int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first != nil || !q.fits(size) {
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
	for q.first != nil && q.fits(q.first.size) {
		w := q.first
		q.acquire(w.size)
		q.remove(w)
		w.granted <- struct{}{}
	}
}

// push appends w to the list.
func (q *Quota) push(w *Waiter) {
	w.waits, w.prev = true, q.last
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
}

// remove removes w from the list.
func (q *Quota) remove(w *Waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.waits = nil, nil, false
}
