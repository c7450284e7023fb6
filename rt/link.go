package rt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/quota"
	"github.com/loopgen/loopgen/rt/internal/sock"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

const (
	verdictTime = 50 * time.Millisecond // for the daemon's answer to a cancellation
	lingerTime  = time.Second           // for what is still to be read when nothing can be written
)

// link is a client's connection to one daemon, past the handshake. Any number
// of goroutines call through it, and read it by turns: see leader.go.
type link struct {
	conn        net.Conn
	reader      *wire.Reader // of the leader
	out         *sock.WriteQueue
	window      *quota.Quota
	incarnation string
	pid         int           // of the daemon
	log         string        // its path
	methods     []binding     // ours, by number: the daemon's number, or why there is none
	limit       int           // bytes in a frame's body
	hungUp      func() bool   // whether the daemon has closed the connection; nil: a write tells
	lost        func(*link)   // called once, when no more calls can be made
	ended       chan struct{} // closed when the link has ended
	vacant      chan struct{} // gets a value when nobody leads and watch rests

	mu      sync.Mutex
	pending map[uint64]*pendingCall
	last    uint64 // the id given last
	leaving bool   // going-away has come: no call may be sent
	err     error  // why the link ended

	reading       *pendingCall   // the call whose goroutine reads; nil: none
	waiting       []*pendingCall // those who do not, but could
	blocked       bool           // the leader writes nothing any more: it may wait for the daemon
	absent        int            // calls that others have ended for their callers, less those made since
	interrupted   bool           // the leader is to stop reading
	frameDeadline time.Time      // for the frame that began to arrive; zero: there is none
	resting       bool           // watch waits for vacant
}

// binding says how the daemon knows one of our methods.
type binding struct {
	number uint16
	err    error // not nil: it does not, or with another signature; or see lackingError
}

// failure is why a call has no reply. A nil err is none.
type failure struct {
	outcome Outcome
	err     error
	again   bool // another daemon may be tried
}

// orphaned reports whether the call was sent and its daemon died. A context that
// has ended says otherwise: the caller no longer wants the call.
func (f failure) orphaned() bool {
	return f.outcome == OutcomeUnknown && errors.Is(f.err, errGone) &&
		!errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded)
}

// errGone ends a link whose daemon left or was killed.
var errGone = errors.New("the connection to the daemon was lost")

// lostError is errGone with what may help to find out why.
type lostError struct {
	pid int
	log string
}

func (e lostError) Error() string {
	text := fmt.Sprintf("%v: process %d has ended or hung up", errGone, e.pid)
	if e.log != "" {
		text += "; its log is " + e.log
	}
	return text
}

func (e lostError) Is(target error) bool { return target == errGone }

// call sends a request and waits for the answer. It returns the reply's body, which
// is valid until the call is released, or a failure whose err is not nil.
func (l *link) call(ctx context.Context, method int, c *pendingCall) ([]byte, failure) {
	bound := l.methods[method]
	if bound.err != nil && bound.refused() {
		return nil, failure{OutcomeNotSent, bound.err, false}
	}
	c.size = len(c.request) - wire.Room
	if c.size > l.limit {
		err := fmt.Errorf("%w: the arguments have %d bytes, the daemon takes %d", ErrTooLarge, c.size, l.limit)
		return nil, failure{OutcomeNotSent, err, false}
	}
	if err := l.window.Acquire(ctx, c.size); err != nil {
		return nil, failure{OutcomeNotSent, err, false}
	}
	if fail := l.send(ctx, bound.number, c); fail.err != nil {
		l.window.Release(c.size)
		return nil, fail
	}
	if err := l.await(ctx, c); err != nil {
		return l.cancel(ctx, c)
	}
	return c.reply, c.failed
}

// send gives the call its id and its place in the stream. It is written by await.
func (l *link) send(ctx context.Context, method uint16, c *pendingCall) failure {
	f := wire.Frame{Kind: wire.KindCall, Method: method}
	if deadline, ok := ctx.Deadline(); ok {
		f.Deadline = max(time.Until(deadline), 1)
	}
	frame, err := f.Seal(c.request)
	if err != nil {
		return failure{OutcomeNotSent, fmt.Errorf("%w: %w", ErrTooLarge, err), false}
	}
	if l.hungUp != nil && l.quiet() && l.hungUp() {
		err := lostError{l.pid, l.log}
		l.close(err)
		return failure{OutcomeNotSent, err, true}
	}
	c.frame.Bytes = frame
	l.mu.Lock()
	if l.leaving || l.err != nil {
		err := l.err
		l.mu.Unlock()
		if err == nil {
			err = ErrDraining
		}
		return failure{OutcomeNotSent, err, true}
	}
	l.last++
	c.id = l.last
	wire.PutID(frame, c.id)
	// Under the lock, so that ids grow along the stream.
	if err := l.out.Enqueue(&c.frame); err != nil {
		l.mu.Unlock()
		return failure{OutcomeNotSent, err, true}
	}
	c.ended = false
	l.pending[c.id] = c
	l.absent = max(l.absent-1, 0)
	l.mu.Unlock()
	return failure{}
}

// quiet reports whether no call is on its way, so that the daemon may have died
// without a call being lost.
func (l *link) quiet() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending) == 0
}

// cancel ends a call whose context has ended. A frame that nobody has begun to
// write is taken back. Otherwise the daemon is told why, and asked for its verdict
// for a moment: what it answers by then is what the caller gets. The id stays
// pending, and keeps its place in the window, until the daemon's answer comes: the
// daemon counts it until then, too.
func (l *link) cancel(ctx context.Context, c *pendingCall) ([]byte, failure) {
	if l.out.Withdraw(&c.frame) {
		l.deliver(wire.Frame{ID: c.id}, failure{OutcomeNotSent, ctx.Err(), false})
		return nil, failure{OutcomeNotSent, ctx.Err(), false}
	}
	f := wire.Frame{Kind: wire.KindCancel, ID: c.id, Method: wire.CancelCaller}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.Method = wire.CancelDeadline
	}
	l.tell(f)
	verdict, stop := context.WithTimeout(context.Background(), verdictTime)
	defer stop()
	if l.await(verdict, c) != nil && l.abandonPending(c) {
		return nil, failure{OutcomeUnknown, ctx.Err(), false}
	}
	fail := c.failed
	if fail.err != nil && !errors.Is(fail.err, ctx.Err()) {
		fail.err = fmt.Errorf("%w (%w)", ctx.Err(), fail.err)
		fail.again = false
	}
	return c.reply, fail
}

// abandonPending gives up a call that has no answer yet, and says so to the daemon. It
// returns false when the answer has come: then that is what the caller gets.
//
// Both are decided under the lock under which answers are delivered: in the stream the
// abandon precedes every call that is made because of a later answer. The daemon
// relies on that, see holdings.take.
func (l *link) abandonPending(c *pendingCall) bool {
	l.mu.Lock()
	ended := c.ended
	if !ended {
		c.givenUp = true
		l.enqueueAbandon(c.id)
	}
	finished := l.leaving && l.err == nil && l.unwanted()
	l.mu.Unlock()
	if finished {
		l.close(ErrDraining) // a daemon that drains waits for the call as long as the connection lasts
	} else if !ended {
		l.out.Flush()
	}
	return !ended
}

// abandon tells the daemon that the caller was told that its call failed, although
// the daemon has answered it.
func (l *link) abandon(id uint64) {
	l.mu.Lock()
	l.enqueueAbandon(id)
	l.mu.Unlock()
	l.out.Flush()
}

// enqueueAbandon queues an abandon. l.mu is held.
func (l *link) enqueueAbandon(id uint64) {
	f := wire.Frame{Kind: wire.KindAbandon, ID: id}
	frame, _ := f.Append(nil)                      // a frame without a body always fits
	l.out.Enqueue(&sock.QueuedFrame{Bytes: frame}) // fails when the connection has ended, which gives back everything
}

// tell sends a frame that has no answer.
func (l *link) tell(f wire.Frame) {
	frame, _ := f.Append(nil) // a frame without a body always fits
	l.out.Put(&sock.QueuedFrame{Bytes: frame})
}

// deliver ends the call that a frame answers, if it is pending, and returns it, or
// nil: late frames for ids that ended are dropped here. The call is another
// goroutine's from then on.
func (l *link) deliver(f wire.Frame, fail failure) *pendingCall {
	l.mu.Lock()
	c := l.pending[f.ID]
	if c != nil {
		delete(l.pending, f.ID)
		l.window.Release(c.size)
		if fail.err == nil {
			c.take(f)
		}
		l.end(c, fail)
	}
	finished := l.leaving && l.unwanted()
	l.mu.Unlock()
	if finished {
		l.close(ErrDraining) // the daemon waits for us to hang up
	}
	return c
}

// unwanted reports whether no caller waits for any pending call. l.mu is held.
func (l *link) unwanted() bool {
	for _, c := range l.pending {
		if !c.givenUp {
			return false
		}
	}
	return true
}

// end lets the call go. l.mu is held.
func (l *link) end(c *pendingCall, fail failure) {
	c.failed, c.ended = fail, true
	if c.waits {
		l.absent++
		l.leave(c)
	}
}

// gone returns errGone for the many ways in which the end of a peer shows.
func gone(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || sock.IsReset(err) {
		return errGone
	}
	return err
}

// unwritable stops sending after a write has failed. The daemon may have closed
// the connection properly: going-away and replies that are on their way are
// still read, for a moment, before the link is closed.
func (l *link) unwritable(error) {
	l.mu.Lock()
	l.leaving = true
	l.mu.Unlock()
	l.lost(l)
	// Not a deadline: those of unfinished frames replace each other.
	time.AfterFunc(lingerTime, func() { l.close(errGone) })
}

// goingAway stops sending. Calls after the last one that the daemon accepted
// were not executed and may go to the next daemon.
func (l *link) goingAway(body []byte) {
	message, err := wire.ParseGoingAway(body)
	if err != nil {
		l.close(err)
		return
	}
	l.mu.Lock()
	l.leaving = true
	for id, c := range l.pending {
		if id > message.Last {
			delete(l.pending, id)
			l.window.Release(c.size)
			l.end(c, failure{OutcomeNotExecuted, ErrDraining, true})
		}
	}
	idle := l.unwanted()
	l.mu.Unlock()
	l.lost(l)
	if idle {
		l.close(ErrDraining)
	}
}

// close ends the link: err is why. Calls of which the kernel did not accept
// the whole frame were not sent; of the others nothing is known.
func (l *link) close(err error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	l.err = err
	close(l.ended)
	pending := l.pending
	l.pending = nil
	l.mu.Unlock()
	l.lost(l)
	l.out.Close(err)
	l.window.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range pending {
		fail := failure{OutcomeUnknown, err, false}
		if !l.out.Sent(&c.frame) {
			fail.outcome, fail.again = OutcomeNotSent, !errors.Is(err, ErrClosed)
		}
		l.end(c, fail)
	}
}
