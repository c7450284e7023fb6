package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// serverConn is the daemon's end of a connection. One goroutine at a time reads it. This
// goroutine also runs quick calls that have the turn when they arrive. Each other call
// has a goroutine, which ends with the call.
type serverConn struct {
	d      *Daemon
	conn   net.Conn
	in     *sock.Intake
	reader *wire.Reader // of in
	out    *sock.WriteQueue
	pid    int // of the client, for logs and Status: from the kernel, else from the client's hello
	uid    int // the client's user; the daemon's own if the kernel does not report it
	caller Caller
	since  time.Time

	// ctx ends when the client is gone, or when the daemon shuts down at once.
	// CallerFrom finds this connection in it.
	ctx    context.Context
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when the connection has ended and is not read any more

	mu      sync.Mutex
	calls   map[uint64]*servedCall // accepted, not yet answered
	bytes   int                    // of their requests
	last    uint64                 // the id of the last call
	noCalls bool                   // no call is accepted: going-away was sent, or the welcome had another code than ok
	stays   bool                   // the client asked for Shutdown: only the end of the process closes the connection

	// These belong to the goroutine that reads.

	arrived queue      // calls that were accepted and have not begun
	inline  inlineCall // the call that this goroutine runs
	now     time.Time  // of the last reading of the clock
	batch   time.Time  // when the first of the calls began whose replies are not yet written; zero: there are none

	due      atomic.Int32 // batched calls, whose replies are not yet in the write queue
	flushing atomic.Bool  // flushSoon will write the replies that wait

	parts  []stub.PartConn // set before the first frame is read; nil: the service has no part
	made   atomic.Uint64   // how many calls have arrived
	memory memory          // for the arguments of its calls
	types  value.TypeQuota

	client bool // counted as a user of the object; guarded by Daemon.mu
}

// These are the causes with which the context of a call ends.
var (
	errDraining    = errors.New("the daemon is leaving")
	errCanceled    = errors.New("canceled by the caller")
	errClientGone  = errors.New("the caller is gone")
	errShutdownNow = errors.New("the daemon leaves at once")
)

// ServeConn admits a connection and serves it. It returns after the handshake.
func (d *Daemon) ServeConn(conn net.Conn, p Peer) {
	if s, err := d.admit(conn, p); err == nil {
		s.connectParts()
		go s.read() // on a new stack: the handshake has made this one grow
	}
}

// read reads frames until the connection ends, or until another goroutine reads because
// this one runs a method. Calls begin when all input that has arrived is read, so that
// a cancel behind a call counts. This goroutine never waits for a turn or a slow reader,
// and for a method only as long as inlineRunner allows.
func (s *serverConn) read() {
	for {
		if !s.reader.Ready() {
			if s.arrived.len() > 0 {
				current := s.in.Current()
				if !current && s.reader.More() {
					continue
				}
				if !s.begin(current) {
					return
				}
				continue
			}
			s.flush()
		}
		f, err := s.reader.Borrow()
		if u := wire.Unsupported(err); u != nil {
			s.refuse(u.ID, wire.FailureUnsupported, err.Error())
			continue
		} else if err == nil {
			if err = s.take(f); err == nil {
				continue
			}
			s.d.log.Warn("closed a connection", "pid", s.pid, "because", err)
		}
		s.flush()
		s.gone()
		return
	}
}

// take handles a frame. An error is a breach of protocol, which ends the connection.
func (s *serverConn) take(f wire.Frame) error {
	switch f.Kind {
	case wire.KindCall:
		return s.accept(f)
	case wire.KindCancel:
		s.cancelCall(f.ID, f.Method)
	case wire.KindAbandon:
		s.cancelCall(f.ID, wire.CancelCaller)
		s.offer(f)
	case wire.KindStatus:
		return s.status(f.ID, f.Body)
	case wire.KindShutdown:
		return s.shutdown(f.ID, f.Body)
	default:
		s.unknown(f)
	}
	return nil
}

// begin begins the calls that have arrived, and reports whether this goroutine still
// reads the connection afterwards. The connection is current if all input was read. A
// large frame that arrives in pieces prevents that; then each call has to look at the
// input behind it, which may have its cancel.
func (s *serverConn) begin(current bool) (reads bool) {
	for s.arrived.len() > 0 {
		c := s.arrived.pop()
		c.current, c.ticket.since = current, s.clock()
		ready := s.d.turn.enter(&c.ticket)
		// Methods that run concurrently may wait for each other.
		c.inline = ready && current && c.method.Mode != stub.Concurrent && c.ticket.fast.Load() &&
			c.ticket.since.Sub(c.arrived) < maxUnchecked && !s.backlogged()
		if !c.inline {
			go s.answer(c) // ends with the call
		} else if !s.answerInline(c) {
			return false
		}
	}
	return true
}

// answerInline runs a call on the goroutine that reads, and reports whether this
// goroutine still reads afterwards.
func (s *serverConn) answerInline(c *servedCall) (reads bool) {
	switch since := c.ticket.since; {
	case s.batch.IsZero():
		s.batch = since
	case since.Sub(s.batch) > maxBatchDelay:
		s.flush()
		s.batch = since
	}
	returned := false
	call := s.d.inlineRunner.begin(&s.inline, c.ticket.fast)
	defer func() {
		switch reads = s.inline.end(call); {
		case !reads:
			s.out.Flush()
		case !returned || threadLocked():
			// runtime.Goexit ends this goroutine, and a thread that the method has
			// locked must end with it: see runtime.LockOSThread. The connection goes on.
			reads = false
			go s.read()
		}
	}()
	s.answer(c)
	returned = true
	return
}

// maxBatchDelay is how long the reply of a call that has ended waits for the replies of
// calls that came with it: long enough to save a write, and no longer, since the client
// has nothing to do meanwhile. If a method takes long, the goroutine that takes over the
// reading writes the replies that wait.
const maxBatchDelay = 20 * time.Microsecond

// flush writes the replies that wait. Only the goroutine that reads calls it.
func (s *serverConn) flush() {
	if !s.batch.IsZero() {
		s.batch = time.Time{}
		s.out.Flush()
	}
}

// accept accepts a call, or refuses it. An error is a breach of protocol.
func (s *serverConn) accept(f wire.Frame) error {
	s.mu.Lock()
	if f.ID <= s.last || wire.OpenedByDaemon(f.ID) {
		s.mu.Unlock()
		return fmt.Errorf("call id %d is not above %d", f.ID, s.last)
	}
	s.last = f.ID
	if s.made.Add(1) == 1 {
		s.d.setClient(s, true) // the connection may have been an observer until now
	}
	var code wire.FailureCode
	switch {
	case s.noCalls:
		code = wire.FailureDraining
	case len(s.calls) >= s.d.limits.calls || s.bytes+len(f.Body) > s.d.limits.bytes:
		code = wire.FailureWindow
	case f.Target != 0:
		code = wire.FailureUnsupported
	case int(f.Method) >= len(s.d.svc.Methods):
		code = wire.FailureNoMethod
	}
	if code != 0 {
		s.mu.Unlock()
		s.d.countRefused(f, code)
		s.refuse(f.ID, code, "")
		return nil
	}
	c := s.newCall(f)
	s.calls[c.id] = c
	s.bytes += len(c.request)
	s.d.addRunning() // under s.mu, so that a shutdown waits for every call up to the last id of goAway
	s.mu.Unlock()
	s.arrived.push(c)
	return nil
}

// answer executes a call. The arguments are decoded before the call has the turn, and
// the results are encoded before the call releases the turn, so that nothing that aliases
// the object is read outside the turn. reply runs whether the method returns, panics or
// calls Goexit.
func (s *serverConn) answer(c *servedCall) {
	defer s.reply(c)
	if c.failed != nil {
		return
	}
	if err := s.acquireMemory(c); err != nil {
		c.failed = s.d.notExecuted(err)
		return
	}
	returned := false
	defer func() {
		if !returned {
			c.failed = s.d.panicked(c, recover())
		}
	}()
	c.method.Serve(&c.run, s.d.object)
	if err := c.run.Err(); err != nil {
		c.failed = s.d.notExecuted(err)
	} else if change := c.args.Changed(); change != "" {
		c.failed = &wire.Failure{Code: wire.FailureLostChange, Executed: true, Text: change}
	} else if c.reply.Bytes, err = c.results.Finish(); err != nil {
		c.failed = notEncoded(err)
	}
	returned = true
}

// gone ends the connection. Its calls that have not begun are dropped, and the
// contexts of those that run end.
func (s *serverConn) gone() {
	s.out.Refuse(errClientGone) // first: the calls that end because of this are not answered
	s.cancel(errClientGone)     // before the client sees the connection end: from now on none of its calls begins
	s.in.Close()
	for s.arrived.len() > 0 {
		c := s.arrived.pop()
		s.d.turn.enter(&c.ticket)
		go s.answer(c) // ends at once: the call does not begin
	}
	s.out.Close(errClientGone)
	s.orphanAll()
	s.closeParts() // before removeConn, after which the daemon may become idle and shut down
	s.d.removeConn(s)
	close(s.ended)
}
