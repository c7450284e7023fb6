package rt

import (
	"context"
	"sync"
)

// window keeps a connection's calls within a number and a size in total. The client
// keeps what is outstanding within what the daemon announced, so that the waiting is
// done here and not by filling its memory; the daemon has others, see memory.
type window struct {
	mu      sync.Mutex
	calls   int // still to be had
	bytes   int
	waiting []*waiter // in order of arrival
	closed  bool
}

type waiter struct {
	size  int
	ready chan struct{} // closed when the place is the waiter's, or the window closed
}

func newWindow(calls, bytes int) *window { return &window{calls: calls, bytes: bytes} }

// acquire takes a place for a call of size bytes, waiting in order of arrival.
// It returns the context's error when that ends first. After close there is
// always a place, since the connection itself refuses what is sent.
func (w *window) acquire(ctx context.Context, size int) error {
	w.mu.Lock()
	if len(w.waiting) == 0 && w.fits(size) {
		w.take(size)
		w.mu.Unlock()
		return nil
	}
	me := &waiter{size: size, ready: make(chan struct{})}
	w.waiting = append(w.waiting, me)
	w.mu.Unlock()
	select {
	case <-me.ready:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.waiting {
		if w.waiting[i] == me {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			w.admit() // the next may be smaller
			return ctx.Err()
		}
	}
	w.give(size) // it was granted in the same moment
	return ctx.Err()
}

// try takes a place for a call of size bytes and reports true, unless the call would
// have to wait.
func (w *window) try(size int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) > 0 || !w.fits(size) {
		return false
	}
	w.take(size)
	return true
}

// release gives a place back.
func (w *window) release(size int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.give(size)
}

// close lets everybody through: the connection is gone.
func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.admit()
}

// The rest is called with mu held.

func (w *window) fits(size int) bool {
	return w.closed || w.calls > 0 && w.bytes >= size
}

func (w *window) take(size int) {
	w.calls--
	w.bytes -= size
}

func (w *window) give(size int) {
	w.calls++
	w.bytes += size
	w.admit()
}

func (w *window) admit() {
	for len(w.waiting) > 0 && w.fits(w.waiting[0].size) {
		w.take(w.waiting[0].size)
		close(w.waiting[0].ready)
		w.waiting = w.waiting[1:]
	}
}
