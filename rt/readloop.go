package rt

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// The goroutine of one waiting call, the reader, reads the link for all calls. It writes
// the queued frames before it reads. So a call that is alone reads its own answer, with
// no goroutine between it and the socket. When its own answer has arrived, the reader
// hands the reading off to another waiting call. While no call waits, watch reads. The
// reader runs no user code.

// await waits until the call has ended: then the caller may use its reply and failed.
// It returns the context's error if the context ends first.
func (l *link) await(ctx context.Context, c *pendingCall) error {
	for {
		l.mu.Lock()
		switch {
		case c.ended:
			l.mu.Unlock()
			return nil
		case l.reading == nil && l.err == nil:
			l.reading = c
			fallthrough
		case l.reading == c:
			l.mu.Unlock()
			if l.becomeReader(ctx, c); ctx.Err() != nil && !l.hasEnded(c) {
				return ctx.Err()
			}
			continue
		}
		l.startWaiting(c)
		readBlocked := l.readBlocked
		l.mu.Unlock()
		if readBlocked {
			l.out.Flush()
		}
		if ctx.Done() == nil { // a select costs more
			<-c.wake
			continue
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			if l.stopWaiting(c) {
				return ctx.Err()
			}
		}
	}
}

// becomeReader reads frames until the call, the link or the context has ended. Then it
// hands the reading off.
func (l *link) becomeReader(ctx context.Context, c *pendingCall) {
	if l.watchContext(ctx) {
		l.read(c)
	}
	l.handOff()
}

// read reads frames until the call c has ended, or any call if c is nil. It returns
// earlier when the reader must check whether to continue: see readFrame.
func (l *link) read(c *pendingCall) {
	l.in.Keep = c != nil // watch waits for long
	for {
		if !l.in.Ready() {
			for tries := 0; !l.beforeBlocking(tries == readerYields); tries++ {
				runtime.Gosched()
			}
			l.out.Flush()
		}
		ended, ok := l.readFrame()
		if !ok || ended != nil && (c == nil || ended == c) {
			return
		}
	}
}

// readerYields is how often the reader yields the processor before it blocks. More
// yields gain nothing, and in a program with busy processors the reader waits each time.
const readerYields = 2

// beforeBlocking sets readBlocked: from now on callers write their own frames, because
// the reader may wait for the daemon. Until then callers leave their frames to the
// reader, which writes all of them at once. Callers whose answers have just arrived may
// be about to call again. So beforeBlocking returns false, unless now is true, if the
// reader should let them run first.
func (l *link) beforeBlocking(now bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.returning > 0 && !now {
		return false
	}
	l.readBlocked, l.returning = true, 0
	return true
}

// afterBlocking resets readBlocked. Only the reader may call it: otherwise callers would
// leave their frames to a reader that waits for the daemon.
func (l *link) afterBlocking() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readBlocked = false
}

// contextWatch interrupts the reader when its context ends. A context that comes twice in
// a row is likely to come again, so the watch on it stays: setting one costs three
// allocations. The watch on any other context is removed after the read.
type contextWatch struct {
	mu    sync.Mutex
	done  <-chan struct{} // of the last context that could end
	stop  func() bool     // removes the watch; nil: there is none
	again bool            // the context has come twice in a row
}

// watchContext makes the end of ctx interrupt the reader, and reports whether ctx has not
// ended. The check comes last: a watch that stays may have fired before readerDone was set.
func (l *link) watchContext(ctx context.Context) bool {
	done := ctx.Done()
	if done == nil {
		return true
	}
	l.mu.Lock()
	l.readerDone = done
	l.mu.Unlock()
	w := &l.contexts
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again = w.done == done; !w.again {
		w.removeLocked()
		w.done = done
	}
	if w.stop == nil {
		w.stop = context.AfterFunc(ctx, func() { l.interrupt(done) })
	}
	return ctx.Err() == nil
}

// remove removes the watch unless it may stay.
func (w *contextWatch) remove(stays bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !stays || !w.again {
		w.removeLocked()
	}
}

// removeLocked removes the watch, so that the context does not keep the link in memory.
// w.mu is held.
func (w *contextWatch) removeLocked() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// interrupt ends the read of a reader whose context, the one with this done channel, has
// ended. A frame that has partly arrived stays in the wire.Reader for the next reader.
func (l *link) interrupt(done <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading != nil && l.readerDone == done {
		l.interrupted = true
		l.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// handOff makes a waiting call the reader, or wakes watch if no call waits. An unsent
// call must not become the reader: it could block while nobody drains replies.
func (l *link) handOff() {
	if l.readerDone != nil { // only the reader writes it
		l.contexts.remove(!l.over()) // after the end of the link, close does not remove it
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.interrupted {
		l.interrupted = false
		l.conn.SetReadDeadline(l.frameDeadline)
	}
	l.reading, l.readerDone, l.readBlocked = nil, nil, false
	if n := len(l.waiting); n > 0 && l.err == nil {
		l.reading = l.waiting[n-1] // the newest, which is likely to wait longest
		l.wake(l.reading)
	} else if l.watchWaits {
		l.watchWaits = false
		l.noReader <- struct{}{}
	}
}

// over reports whether the link has ended.
func (l *link) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil
}

func (l *link) hasEnded(c *pendingCall) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.ended
}

// startWaiting adds c to waiting. l.mu is held.
func (l *link) startWaiting(c *pendingCall) {
	c.waits, c.index = true, len(l.waiting)
	l.waiting = append(l.waiting, c)
}

// wake removes c from waiting and wakes its goroutine. l.mu is held.
func (l *link) wake(c *pendingCall) {
	last := len(l.waiting) - 1
	l.waiting[c.index] = l.waiting[last]
	l.waiting[c.index].index = c.index
	l.waiting[last] = nil
	l.waiting = l.waiting[:last]
	c.waits = false
	c.wake <- struct{}{}
}

// stopWaiting removes c from waiting, for the goroutine of c. It returns false if c has
// ended. If c has been made the reader, it hands the reading off.
func (l *link) stopWaiting(c *pendingCall) bool {
	l.mu.Lock()
	if c.waits {
		l.wake(c)
	}
	<-c.wake
	isReader := l.reading == c
	ended := c.ended
	l.mu.Unlock()
	if isReader {
		l.handOff()
	}
	return !ended
}

// readFrame reads a frame and handles it. It returns the call that the frame has ended.
// With ok false the reader must check whether to continue: it was interrupted, or the
// link or several calls have ended.
func (l *link) readFrame() (ended *pendingCall, ok bool) {
	f, err := l.in.Borrow()
	switch {
	case err == nil:
	case wire.Unsupported(err) != nil:
		return nil, true // of a later protocol, and not an answer to this client
	case errors.Is(err, os.ErrDeadlineExceeded) && l.wasInterrupted():
		return nil, false
	default:
		if err = connectionLost(err); err == errConnectionLost {
			err = connectionLostError{l.pid, l.log}
		}
		l.close(err)
		return nil, false
	}
	l.afterBlocking()
	switch f.Kind {
	case wire.KindReply:
		return l.deliver(f, failure{}), true
	case wire.KindError:
		fail := readFailure(f.Body)
		if p, isPanic := fail.err.(*PanicError); isPanic {
			p.Log = l.log
		}
		return l.deliver(f, fail), true
	case wire.KindGoingAway:
		l.goingAway(f.Body)
		return nil, false
	}
	return nil, true
}

func (l *link) wasInterrupted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.interrupted
}

// stalled sets the deadline of a frame of size bytes that has partly arrived, and resumed
// clears it when the frame is complete. Between frames a connection may be silent without
// limit. The wire.Reader calls both, in the goroutine that reads.
func (l *link) stalled(size int) {
	l.setFrameDeadline(time.Now().Add(wire.FrameTime(size)))
}

func (l *link) resumed() { l.setFrameDeadline(time.Time{}) }

func (l *link) setFrameDeadline(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frameDeadline = t
	if !l.interrupted {
		l.conn.SetReadDeadline(t)
	}
}

// watchPeriod is how long no call is made before watch reads. A timer with a shorter
// period would slow down the calls: see inlineTick in internal/daemon.
const watchPeriod = 100 * time.Millisecond

// watch reads while no call does, so that the client notices the end of the daemon. Its
// read returns when a call has ended. While calls follow each other within watchPeriod,
// it only checks in each period whether they still do.
func (l *link) watch() {
	var me pendingCall // stands for watch in l.reading; never sent
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for last := uint64(0); ; {
		select {
		case <-tick.C:
		case <-l.ended:
			return
		}
		l.mu.Lock()
		switch {
		case l.reading != nil: // handOff will wake watch when no call waits
			l.watchWaits = true
			l.mu.Unlock()
			tick.Stop()
			select {
			case <-l.noReader:
			case <-l.ended:
				return
			}
			tick.Reset(watchPeriod)
			continue
		case l.last != last || l.err != nil:
			last = l.last
			l.mu.Unlock()
			continue
		}
		l.reading = &me
		l.mu.Unlock()
		tick.Stop()
		l.contexts.remove(false) // no call has been made for a while: its context may be garbage
		l.read(nil)
		l.handOff()
		tick.Reset(watchPeriod)
	}
}
