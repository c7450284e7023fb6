package rt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// link is a client's connection to one daemon, past the handshake. Any number
// of goroutines call through it; one goroutine, receive, reads it and ends
// when the connection does.
type link struct {
	conn        net.Conn
	reader      *wire.Reader
	out         *outbox
	window      *window
	incarnation string
	pid         int           // of the daemon
	log         string        // its path
	methods     []binding     // ours, by number: the daemon's number, or why there is none
	limit       int           // bytes in a frame's body
	verdict     time.Duration // for the daemon's answer to a cancellation
	linger      time.Duration // for what is still to be read when nothing can be written
	hungUp      func() bool   // whether the daemon has closed the connection; nil: a write tells
	lost        func(*link)   // called once, when no more calls can be made

	mu      sync.Mutex
	pending map[uint64]*pendingCall
	last    uint64 // the id given last
	leaving bool   // going-away has come: no call may be sent
	err     error  // why the link ended
}

// binding says how the daemon knows one of our methods.
type binding struct {
	number uint16
	err    error // not nil: it does not, or with another signature
}

// pendingCall is a call between its id and its answer.
type pendingCall struct {
	outgoing
	size  int
	reply chan answer // buffered: who waits may have gone
}

// answer is the end of a call: the body of its reply, or why there is none.
type answer struct {
	body []byte
	failure
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

// call sends a request and waits for the answer. It returns the reply's body,
// or a failure whose err is not nil.
func (l *link) call(ctx context.Context, method int, body []byte) ([]byte, failure) {
	bound := l.methods[method]
	if bound.err != nil {
		return nil, failure{OutcomeNotSent, bound.err, false}
	}
	if len(body) > l.limit {
		err := fmt.Errorf("%w: the arguments have %d bytes, the daemon takes %d", ErrTooLarge, len(body), l.limit)
		return nil, failure{OutcomeNotSent, err, false}
	}
	if err := l.window.acquire(ctx, len(body)); err != nil {
		return nil, failure{OutcomeNotSent, err, false}
	}
	c, id, fail := l.send(ctx, bound.number, body)
	if fail.err != nil {
		l.window.release(len(body))
		return nil, fail
	}
	select {
	case a := <-c.reply:
		return a.body, a.failure
	case <-ctx.Done():
		a := l.cancel(ctx, c, id)
		return a.body, a.failure
	}
}

// send gives the call its id and its place in the stream.
func (l *link) send(ctx context.Context, method uint16, body []byte) (*pendingCall, uint64, failure) {
	f := wire.Frame{Kind: wire.KindCall, Method: method, Body: body}
	if deadline, ok := ctx.Deadline(); ok {
		f.Deadline = max(time.Until(deadline), 1)
	}
	frame, err := f.Append(nil)
	if err != nil {
		return nil, 0, failure{OutcomeNotSent, fmt.Errorf("%w: %w", ErrTooLarge, err), false}
	}
	if l.hungUp != nil && l.quiet() && l.hungUp() {
		err := lostError{l.pid, l.log}
		l.close(err)
		return nil, 0, failure{OutcomeNotSent, err, true}
	}
	c := &pendingCall{outgoing: outgoing{frame: frame}, size: len(body), reply: make(chan answer, 1)}
	l.mu.Lock()
	if l.leaving || l.err != nil {
		err := l.err
		l.mu.Unlock()
		if err == nil {
			err = ErrDraining
		}
		return nil, 0, failure{OutcomeNotSent, err, true}
	}
	l.last++
	id := l.last
	wire.PutID(frame, id)
	// Under the lock, so that ids grow along the stream.
	if err := l.out.enqueue(&c.outgoing); err != nil {
		l.mu.Unlock()
		return nil, 0, failure{OutcomeNotSent, err, true}
	}
	l.pending[id] = c
	l.mu.Unlock()
	l.out.flush()
	return c, id, failure{}
}

// quiet reports whether no call is on its way, so that the daemon may have died
// without a call being lost.
func (l *link) quiet() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending) == 0
}

// cancel ends a call whose context has ended. A frame that nobody has begun to
// write is taken back; otherwise the daemon is told, and asked for its verdict
// for a moment. A deadline it knows: told of a cancellation besides, a method
// would return context.Canceled to a caller who gave it a deadline. The id stays
// pending, and holds its place in the window, until the daemon's answer comes:
// the daemon counts it until then, too.
func (l *link) cancel(ctx context.Context, c *pendingCall, id uint64) answer {
	if l.out.withdraw(&c.outgoing) {
		l.deliver(id, answer{})
		return answer{failure: failure{OutcomeNotSent, ctx.Err(), false}}
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f := wire.Frame{Kind: wire.KindCancel, ID: id}
		frame, _ := f.Append(nil) // a frame without a body always fits
		l.out.put(&outgoing{frame: frame})
	}
	verdict := time.NewTimer(l.verdict)
	defer verdict.Stop()
	select {
	case a := <-c.reply:
		if a.err != nil && !errors.Is(a.err, ctx.Err()) {
			a.err = fmt.Errorf("%w (%w)", ctx.Err(), a.err)
			a.again = false
		}
		return a
	case <-verdict.C:
		return answer{failure: failure{OutcomeUnknown, ctx.Err(), false}}
	}
}

// deliver ends the call of that id, if it is pending. Late frames for ids
// that ended are dropped here.
func (l *link) deliver(id uint64, a answer) {
	l.mu.Lock()
	c := l.pending[id]
	delete(l.pending, id)
	finished := l.leaving && len(l.pending) == 0
	l.mu.Unlock()
	if c != nil {
		l.window.release(c.size)
		c.reply <- a
	}
	if finished {
		l.close(ErrDraining) // the daemon waits for us to hang up
	}
}

// receive reads frames until the connection ends.
func (l *link) receive() {
	for {
		f, err := l.reader.Next()
		var unsupported *wire.UnsupportedError
		if errors.As(err, &unsupported) {
			continue // of a later protocol; nothing here asked for it
		}
		if err != nil {
			if err = gone(err); err == errGone {
				err = lostError{l.pid, l.log}
			}
			l.close(err)
			return
		}
		switch f.Kind {
		case wire.KindReply:
			l.deliver(f.ID, answer{body: f.Body})
		case wire.KindError:
			l.deliver(f.ID, answer{failure: readFailure(f.Body)})
		case wire.KindGoingAway:
			l.goingAway(f.Body)
		}
	}
}

// gone returns errGone for the many ways in which the end of a peer shows.
func gone(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err) {
		return errGone
	}
	return err
}

// unwritable stops sending after a write has failed. The daemon may have closed
// the connection properly: going-away and replies that are on their way are
// still read, for a moment, before receive closes the link.
func (l *link) unwritable(error) {
	l.mu.Lock()
	l.leaving = true
	l.mu.Unlock()
	l.lost(l)
	// Not a deadline: those of unfinished frames replace each other.
	time.AfterFunc(l.linger, func() { l.close(errGone) })
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
	var beyond []uint64
	for id := range l.pending {
		if id > message.Last {
			beyond = append(beyond, id)
		}
	}
	idle := len(l.pending) == 0
	l.mu.Unlock()
	l.lost(l)
	for _, id := range beyond {
		l.deliver(id, answer{failure: failure{OutcomeNotExecuted, ErrDraining, true}})
	}
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
	pending := l.pending
	l.pending = nil
	l.mu.Unlock()
	l.lost(l)
	l.out.close(err)
	l.window.close()
	for _, c := range pending {
		fail := failure{OutcomeUnknown, err, false}
		if !l.out.sent(&c.outgoing) {
			fail.outcome, fail.again = OutcomeNotSent, !errors.Is(err, ErrClosed)
		}
		c.reply <- answer{failure: fail}
	}
}
