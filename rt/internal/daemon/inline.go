package daemon

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// inlineRunner runs calls on the goroutine that reads their connection, which saves two
// thread switches per call. It does so only for calls that need not wait and whose method
// was fast the last time. Their connections are still read at all times: if an inline call
// runs for more than inlineTick, another goroutine takes over the reading, and the first
// one ends with its call.
//
// One goroutine checks all connections with inline calls, and ends some ticks after the
// last of these calls. A goroutine or a timer for each call would cost what inline calls
// save.
type inlineRunner struct {
	mu       sync.Mutex
	watched  []*inlineCall
	watching bool // the goroutine runs
}

// inlineCall is the call that the reading goroutine of a connection runs.
type inlineCall struct {
	conn    *serverConn
	last    uint64        // number of the last call; only the reading goroutine uses it
	fast    *atomic.Bool  // of the call's method; of the goroutine that reads, or that has set running to 0
	running atomic.Uint64 // number of the running call; 0: none, or another goroutine has taken over
	watched atomic.Bool   // it is in inlineRunner.watched

	// Only the watching goroutine uses these fields.

	seen      uint64 // running at the last tick
	idleTicks int    // ticks without a call
}

const (
	// inlineTick is longer than the period of the kernel's own clock, mostly 4 ms.
	// With a shorter one the kernel would set and delete a timer whenever the daemon
	// waits for a frame, which costs microseconds.
	inlineTick = 5 * time.Millisecond
	// maxIdleTicks is how many ticks a connection is watched after its last inline call.
	maxIdleTicks = 4
	// maxInlineTime is the longest run of a method whose next call may run inline.
	maxInlineTime = 100 * time.Microsecond
)

// begin notes that the reading goroutine begins a call. fast belongs to the call's
// method.
func (r *inlineRunner) begin(i *inlineCall, fast *atomic.Bool) (call uint64) {
	i.last++
	call, i.fast = i.last, fast
	i.running.Store(call)
	if !i.watched.Load() { // after the store of running; tick has these two in the other order
		r.add(i)
	}
	return call
}

// end notes that the call has ended, and reports whether its goroutine is still the one
// that reads the connection.
func (i *inlineCall) end(call uint64) bool { return i.running.CompareAndSwap(call, 0) }

// add adds a connection to the watched ones.
func (r *inlineRunner) add(i *inlineCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i.watched.Swap(true) {
		return
	}
	r.watched = append(r.watched, i)
	if !r.watching {
		r.watching = true
		go r.watch() // ends when no connection is watched any more
	}
}

// watch ticks until no connection is watched.
func (r *inlineRunner) watch() {
	t := time.NewTicker(inlineTick)
	defer t.Stop()
	for range t.C {
		r.mu.Lock()
		r.watched = slices.DeleteFunc(r.watched, (*inlineCall).tick)
		if len(r.watched) == 0 {
			r.watching = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

// tick checks a connection. If its call has run since the last tick, another goroutine
// takes over the reading. tick reports whether the connection need not be watched any
// more, since it has had no inline call for some ticks.
func (i *inlineCall) tick() (idle bool) {
	call := i.running.Load()
	if call == 0 {
		if i.idleTicks++; i.idleTicks <= maxIdleTicks {
			return false
		}
		i.idleTicks = 0
		i.watched.Store(false)
		if i.running.Load() == 0 {
			return true
		}
		i.watched.Store(true) // a call that began just now may have seen watched still set
	}
	i.idleTicks = 0
	if call == i.seen && call != 0 && i.running.CompareAndSwap(call, 0) {
		i.fast.Store(false) // or the new reader runs the method's next call inline, and blocks too
		go i.conn.read()    // ends with the connection, or with an inline call that runs for long
	}
	i.seen = call
	return false
}
