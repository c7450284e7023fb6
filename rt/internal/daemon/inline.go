package daemon

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// inlineRunner lets the goroutine that reads a connection run a call that need not
// wait, which spares two switches between threads, and still have the connection
// read at all times: the method is one that was quick the last time, and when it
// has run for some milliseconds all the same, a stand-in takes over the reading, and
// the other one ends with its call.
//
// One goroutine looks from time to time at the connections that have such calls, and
// a while longer; starting it, or a timer, for each call would cost what is to be
// spared.
type inlineRunner struct {
	mu      sync.Mutex
	watched []*inlineCall
	looking bool
}

// inline is the call that the goroutine that reads a connection runs.
type inlineCall struct {
	conn    *serverConn
	last    uint64        // calls so far; of the goroutine that reads
	fast    *atomic.Bool  // of the call's method; of that goroutine, or of who has put 0 into running
	running atomic.Uint64 // the number of the call; 0: none, or it is not the one that reads any more
	watched atomic.Bool   // it is in inlineRunner.watched

	// Of the goroutine that looks.

	seen  uint64 // running at the last look
	still int    // looks without a call
}

const (
	// inlineTick is longer than the period of the kernel's own clock, mostly 4 ms.
	// A Go timer that fires before that is one more for the kernel to set and to
	// delete whenever the daemon waits for a frame, which costs microseconds.
	inlineTick = 5 * time.Millisecond
	inlineIdle = 4 // looks without a call before nobody looks any more
	// maxInlineTime is how long a method may take to run on the goroutine that reads the
	// next time.
	maxInlineTime = 100 * time.Microsecond
)

// begin notes that the goroutine that reads runs a call now, of a method that fast
// is about.
func (r *inlineRunner) begin(i *inlineCall, fast *atomic.Bool) (call uint64) {
	i.last++
	call, i.fast = i.last, fast
	i.running.Store(call)
	if !i.watched.Load() { // looked at after running is set, as the other way round in look
		r.watch(i)
	}
	return call
}

// end notes that the call is over, and reports whether its goroutine still is the
// one that reads the connection.
func (i *inlineCall) end(call uint64) bool { return i.running.CompareAndSwap(call, 0) }

func (r *inlineRunner) watch(i *inlineCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i.watched.Swap(true) {
		return
	}
	r.watched = append(r.watched, i)
	if !r.looking {
		r.looking = true
		go r.look() // ends when nothing has run for a while
	}
}

func (r *inlineRunner) look() {
	t := time.NewTicker(inlineTick)
	defer t.Stop()
	for range t.C {
		r.mu.Lock()
		r.watched = slices.DeleteFunc(r.watched, (*inlineCall).idle)
		if len(r.watched) == 0 {
			r.looking = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

// idle looks at a connection: it starts a stand-in if a call has run since the last
// look, and reports whether there was no call for a while.
func (i *inlineCall) idle() bool {
	call := i.running.Load()
	if call == 0 {
		if i.still++; i.still <= inlineIdle {
			return false
		}
		i.still = 0
		i.watched.Store(false)
		if i.running.Load() == 0 {
			return true
		}
		i.watched.Store(true) // whoever began meanwhile may have found it still set
	}
	i.still = 0
	if call == i.seen && call != 0 && i.running.CompareAndSwap(call, 0) {
		i.fast.Store(false) // or the stand-in runs the next call of it, and waits as long
		go i.conn.read()    // ends with the connection, or with a call that it runs for long
	}
	i.seen = call
	return false
}
