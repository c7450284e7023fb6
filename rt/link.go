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
	cancelWait = 50 * time.Millisecond // for the daemon's answer to a cancellation
	lingerTime = time.Second           // for frames that arrive after a write has failed
)

// link is a client's connection to one daemon, after the handshake. Any number of
// goroutines make calls on it, and one of them at a time reads: see readloop.go.
type link struct {
	conn        net.Conn
	in          *wire.Reader // used only by the goroutine that reads
	out         *sock.WriteQueue
	quota       *quota.Quota // of calls that the daemon has not answered
	incarnation string
	pid         int           // of the daemon
	log         string        // path of the daemon's log
	methods     []binding     // by the number of the method in this program
	limit       int           // largest body of a frame, in bytes
	peerClosed  func() bool   // whether the daemon has closed the connection; nil: a write fails then
	forget      func(*link)   // called when the link takes no more calls, once or more
	ended       chan struct{} // closed when the link has ended
	contexts    contextWatch  // of the reader
	noReader    chan struct{} // gets a value when no goroutine reads and watchWaits was set

	mu      sync.Mutex
	pending map[uint64]*pendingCall
	last    uint64 // id of the newest call
	closing bool   // no call may be sent: going-away has arrived, or a write has failed
	err     error  // why the link ended

	reading       *pendingCall    // the call whose goroutine reads; nil: none
	readerDone    <-chan struct{} // of the reader's context; nil: it cannot end
	waiting       []*pendingCall  // calls whose goroutines wait and could read
	readBlocked   bool            // the reader may be waiting for the daemon, so callers write their frames
	returning     int             // calls that were ended by another goroutine, less calls made since
	interrupted   bool            // the reader must stop
	frameDeadline time.Time       // of the frame that has partly arrived; zero: none
	watchWaits    bool            // watch waits for noReader
}

// binding is a method of this program as the daemon has it.
type binding struct {
	number uint16
	err    error // why the method cannot be called: see client.bind
}

// failure is why a call has no reply. With a nil err there is no failure.
type failure struct {
	outcome Outcome
	err     error
	retry   bool // on another daemon
}

// daemonDied reports whether the call was sent and its daemon died. It is false when
// the call's context has ended, since the caller no longer wants the call.
func (f failure) daemonDied() bool {
	return f.outcome == OutcomeUnknown && errors.Is(f.err, errConnectionLost) &&
		!errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded)
}

// errConnectionLost ends a link whose daemon exited or was killed.
var errConnectionLost = errors.New("the connection to the daemon was lost")

// connectionLostError is errConnectionLost with the daemon's process and log.
type connectionLostError struct {
	pid int
	log string
}

func (e connectionLostError) Error() string {
	text := fmt.Sprintf("%v: process %d has ended or hung up", errConnectionLost, e.pid)
	if e.log != "" {
		text += "; its log is " + e.log
	}
	return text
}

func (e connectionLostError) Is(target error) bool { return target == errConnectionLost }

// call sends a request and waits for the answer. It returns the reply's body, which
// is valid until the call is released, or a failure with a non-nil err.
func (l *link) call(ctx context.Context, method int, c *pendingCall) ([]byte, failure) {
	bound := l.methods[method]
	if bound.err != nil && bound.unusable() {
		return nil, failure{OutcomeNotSent, bound.err, false}
	}
	c.size = len(c.request) - wire.Room
	if c.size > l.limit {
		err := fmt.Errorf("%w: the arguments have %d bytes, the daemon takes %d", ErrTooLarge, c.size, l.limit)
		return nil, failure{OutcomeNotSent, err, false}
	}
	if err := l.quota.Acquire(ctx, c.size, &c.waiter); err != nil {
		return nil, failure{OutcomeNotSent, err, false}
	}
	if fail := l.enqueue(ctx, bound.number, c); fail.err != nil {
		l.quota.Release(c.size)
		return nil, fail
	}
	if err := l.await(ctx, c); err != nil {
		return l.cancel(ctx, c)
	}
	return c.reply, c.failed
}

// enqueue gives the call its id and puts its frame into the write queue. The frame is
// written in await.
func (l *link) enqueue(ctx context.Context, method uint16, c *pendingCall) failure {
	f := wire.Frame{Kind: wire.KindCall, Method: method}
	if deadline, ok := ctx.Deadline(); ok {
		f.Deadline = max(time.Until(deadline), 1)
	}
	frame, err := f.Seal(c.request)
	if err != nil {
		return failure{OutcomeNotSent, fmt.Errorf("%w: %w", ErrTooLarge, err), false}
	}
	if l.peerClosed != nil && l.idle() && l.peerClosed() {
		err := connectionLostError{l.pid, l.log}
		l.close(err)
		return failure{OutcomeNotSent, err, true}
	}
	c.frame.Bytes = frame
	l.mu.Lock()
	if l.closing || l.err != nil {
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
	// Under the lock, so that the frames are in the order of their ids.
	if err := l.out.Enqueue(&c.frame); err != nil {
		l.mu.Unlock()
		return failure{OutcomeNotSent, err, true}
	}
	c.ended = false
	l.pending[c.id] = c
	l.returning = max(l.returning-1, 0)
	l.mu.Unlock()
	return failure{}
}

// idle reports whether no call is pending: then the daemon may have died without
// losing a call.
func (l *link) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending) == 0
}

// cancel ends a call whose context has ended. It withdraws the frame if no byte of it
// has been written. Otherwise it sends a cancel frame with the reason and waits for
// cancelWait: the caller gets an answer that arrives by then. After that the call has
// an unknown outcome. Its id stays pending and counts against the quota until the
// daemon answers, because the daemon counts the call until then, too.
func (l *link) cancel(ctx context.Context, c *pendingCall) ([]byte, failure) {
	if l.out.Withdraw(&c.frame) {
		l.deliver(wire.Frame{ID: c.id}, failure{OutcomeNotSent, ctx.Err(), false})
		return nil, failure{OutcomeNotSent, ctx.Err(), false}
	}
	f := wire.Frame{Kind: wire.KindCancel, ID: c.id, Method: wire.CancelCaller}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.Method = wire.CancelDeadline
	}
	l.sendControl(f)
	bounded, stop := context.WithTimeout(context.Background(), cancelWait)
	defer stop()
	if l.await(bounded, c) != nil && l.abandonPending(c) {
		return nil, failure{OutcomeUnknown, ctx.Err(), false}
	}
	fail := c.failed
	if fail.err != nil && !errors.Is(fail.err, ctx.Err()) {
		fail.err = fmt.Errorf("%w (%w)", ctx.Err(), fail.err)
		fail.retry = false
	}
	return c.reply, fail
}

// abandonPending marks a call without an answer as abandoned and sends an abandon frame
// for it. It returns false when the answer has arrived: then the caller gets the answer.
//
// It holds the lock under which deliver ends calls. So the abandon frame precedes the
// frame of every call that is made because of a later answer. The daemon relies on
// this order: see held.take in internal/daemon.
func (l *link) abandonPending(c *pendingCall) bool {
	l.mu.Lock()
	ended := c.ended
	if !ended {
		c.abandoned = true
		l.enqueueAbandon(c.id)
	}
	finished := l.closing && l.err == nil && l.noCallers()
	l.mu.Unlock()
	if finished {
		l.close(ErrDraining) // a daemon that drains waits for the call until the connection ends
	} else if !ended {
		l.out.Flush()
	}
	return !ended
}

// abandon sends an abandon frame for a call whose reply cannot be decoded: the call has
// failed for its caller, although the daemon has answered it.
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
	l.out.Enqueue(&sock.QueuedFrame{Bytes: frame}) // fails after the end of the connection, which releases everything
}

// sendControl sends a frame that has no answer.
func (l *link) sendControl(f wire.Frame) {
	frame, _ := f.Append(nil) // a frame without a body always fits
	l.out.Put(&sock.QueuedFrame{Bytes: frame})
}

// deliver ends the pending call that a frame answers, and returns it. It drops a frame
// whose call is not pending, and returns nil. The reader must not touch the call
// afterwards: its own goroutine may use it again.
func (l *link) deliver(f wire.Frame, fail failure) *pendingCall {
	l.mu.Lock()
	c := l.pending[f.ID]
	if c != nil {
		delete(l.pending, f.ID)
		l.quota.Release(c.size)
		if fail.err == nil {
			c.setReply(f)
		}
		l.end(c, fail)
	}
	finished := l.closing && l.noCallers()
	l.mu.Unlock()
	if finished {
		l.close(ErrDraining) // the daemon waits until the client closes the connection
	}
	return c
}

// noCallers reports whether no pending call has a caller that waits. l.mu is held.
func (l *link) noCallers() bool {
	for _, c := range l.pending {
		if !c.abandoned {
			return false
		}
	}
	return true
}

// end ends a call and wakes its goroutine if that waits. l.mu is held.
func (l *link) end(c *pendingCall, fail failure) {
	c.failed, c.ended = fail, true
	if c.waits {
		l.returning++
		l.wake(c)
	}
}

// connectionLost returns errConnectionLost if err is one of the errors that a closed
// connection causes, and err otherwise.
func connectionLost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || sock.IsReset(err) {
		return errConnectionLost
	}
	return err
}

// writeFailed stops sending after a failed write. The daemon may have closed the
// connection in order, with going-away and replies still to be read. So the link is
// read for lingerTime before it is closed.
func (l *link) writeFailed(error) {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.forget(l)
	// Not a read deadline: the deadline of an unfinished frame would replace it.
	time.AfterFunc(lingerTime, func() { l.close(errConnectionLost) })
}

// goingAway stops sending. Calls after the last one that the daemon accepted were not
// executed, so their callers may retry them on the next daemon.
func (l *link) goingAway(body []byte) {
	message, err := wire.ParseGoingAway(body)
	if err != nil {
		l.close(err)
		return
	}
	l.mu.Lock()
	l.closing = true
	for id, c := range l.pending {
		if id > message.Last {
			delete(l.pending, id)
			l.quota.Release(c.size)
			l.end(c, failure{OutcomeNotExecuted, ErrDraining, true})
		}
	}
	finished := l.noCallers()
	l.mu.Unlock()
	l.forget(l)
	if finished {
		l.close(ErrDraining)
	}
}

// close ends the link because of err. A call is not sent if the kernel has not accepted
// its whole frame. Any other pending call has an unknown outcome.
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
	l.forget(l)
	l.contexts.remove(false)
	l.out.Close(err)
	l.quota.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range pending {
		fail := failure{OutcomeUnknown, err, false}
		if !l.out.Sent(&c.frame) {
			fail.outcome, fail.retry = OutcomeNotSent, !errors.Is(err, ErrClosed)
		}
		l.end(c, fail)
	}
}
