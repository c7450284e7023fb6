package rt

import (
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// A link is read by one of those who wait for an answer, the leader, for all of
// them, and written by it before it reads: a call that is alone reads its own
// answer, with no goroutine between it and the socket. Who has its answer hands the
// leadership to another call that waits. While no call waits a goroutine of the
// link's reads, watch. No code of the user's runs while leading.

// await waits until the call has ended: then its reply and failed are the caller's.
// It returns the context's error when that ends first.
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
			if l.becomeReader(ctx, c); ctx.Err() != nil && !l.over(c) {
				return ctx.Err()
			}
			continue
		}
		l.lineUp(c)
		blocked := l.blocked
		l.mu.Unlock()
		if blocked {
			l.out.Flush()
		}
		if ctx.Done() == nil { // a select costs more
			<-c.wake
			continue
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			if l.stepBack(c) {
				return ctx.Err()
			}
		}
	}
}

// becomeReader reads frames until the call has ended, or the link, or the context. Then
// somebody else leads, or nobody.
func (l *link) becomeReader(ctx context.Context, c *pendingCall) {
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, func() { l.interrupt(c) })()
	}
	l.read(c)
	l.handOff()
}

// read reads frames until the call c has its answer, or any call if c is nil, or
// until the leader has to look whether it is to go on.
func (l *link) read(c *pendingCall) {
	for {
		if !l.reader.Ready() {
			for tries := 0; !l.block(tries == readerYields); tries++ {
				runtime.Gosched()
			}
			l.out.Flush()
		}
		ended, on := l.readFrame()
		if !on || ended != nil && (c == nil || ended == c) {
			return
		}
	}
}

// startContext is how often a leader lets others run before it blocks: more often gains
// nothing, and a program that keeps its processors busy lets it wait each time.
const readerYields = 2

// block notes that the leader may wait for the daemon from now on, so that callers
// write themselves: until then they leave it to the leader, and one write is enough
// for all. Those whose answers have just come may be about to make their next calls;
// it returns false if it is worth letting them.
func (l *link) block(now bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.absent > 0 && !now {
		return false
	}
	l.blocked, l.absent = true, 0
	return true
}

// unblock takes back what block has noted: only the leader may, or callers would
// leave their frames to one that waits.
func (l *link) unblock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocked = false
}

// interrupt ends the read of a leader whose context has ended. What has come of a
// frame stays in the reader.
func (l *link) interrupt(c *pendingCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading == c {
		l.interrupted = true
		l.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// handOff hands the leadership to a call that waits, never to one that is still to
// be sent: that might have to wait for those whose answers nobody reads meanwhile.
func (l *link) handOff() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.interrupted {
		l.interrupted = false
		l.conn.SetReadDeadline(l.frameDeadline)
	}
	l.reading, l.blocked = nil, false
	if n := len(l.waiting); n > 0 && l.err == nil {
		l.reading = l.waiting[n-1] // the latest, which is likely to wait longest
		l.leave(l.reading)
	} else if l.resting {
		l.resting = false
		l.vacant <- struct{}{}
	}
}

// over reports whether c has ended.
func (l *link) over(c *pendingCall) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.ended
}

// lineUp makes c one of those who wait. l.mu is held, as for the next.
func (l *link) lineUp(c *pendingCall) {
	c.waits, c.index = true, len(l.waiting)
	l.waiting = append(l.waiting, c)
}

// leave wakes c, which no longer waits.
func (l *link) leave(c *pendingCall) {
	last := len(l.waiting) - 1
	l.waiting[c.index] = l.waiting[last]
	l.waiting[c.index].index = c.index
	l.waiting[last] = nil
	l.waiting = l.waiting[:last]
	c.waits = false
	c.wake <- struct{}{}
}

// stepBack makes c wait no longer. It returns false when c has ended already; when
// it has been made the leader, another is.
func (l *link) stepBack(c *pendingCall) bool {
	l.mu.Lock()
	if c.waits {
		l.leave(c)
	}
	<-c.wake
	leads := l.reading == c
	ended := c.ended
	l.mu.Unlock()
	if leads {
		l.handOff()
	}
	return !ended
}

// readFrame reads a frame and does what it says. It returns the call that has its
// answer now, and false when the leader has to look whether it is to go on: it was
// interrupted, other calls have ended, or the link has.
func (l *link) readFrame() (ended *pendingCall, on bool) {
	f, err := l.reader.Borrow()
	switch {
	case err == nil:
	case wire.Unsupported(err) != nil:
		return nil, true // of a later protocol; nothing here asked for it
	case errors.Is(err, os.ErrDeadlineExceeded) && l.wasInterrupted():
		return nil, false
	default:
		if err = gone(err); err == errGone {
			err = lostError{l.pid, l.log}
		}
		l.close(err)
		return nil, false
	}
	l.unblock()
	switch f.Kind {
	case wire.KindReply:
		return l.deliver(f, failure{}), true
	case wire.KindError:
		fail := readFailure(f.Body)
		if p, ok := fail.err.(*PanicError); ok {
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

// stalled bounds the rest of a frame of size bytes that began to arrive; resumed
// says that it has come. A connection without an unfinished frame may be silent for
// ever. Both are called by the leader's read.
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

// quietTime is how long no call is made before watch reads. A timer that fires
// sooner would cost the calls more, see standInTick.
const quietTime = 100 * time.Millisecond

// watch reads while no call does, so that the end of the daemon is noticed. It gives
// way when there are calls again: as long as they follow each other closely it only
// looks at times whether they still do.
func (l *link) watch() {
	var me pendingCall // never sent
	tick := time.NewTicker(quietTime)
	defer tick.Stop()
	for last := uint64(0); ; {
		select {
		case <-tick.C:
		case <-l.ended:
			return
		}
		l.mu.Lock()
		switch {
		case l.reading != nil: // and will say when there is nobody to follow
			l.resting = true
			l.mu.Unlock()
			tick.Stop()
			select {
			case <-l.vacant:
			case <-l.ended:
				return
			}
			tick.Reset(quietTime)
			continue
		case l.last != last || l.err != nil:
			last = l.last
			l.mu.Unlock()
			continue
		}
		l.reading = &me
		l.mu.Unlock()
		tick.Stop()
		l.read(nil)
		l.handOff()
		tick.Reset(quietTime)
	}
}
