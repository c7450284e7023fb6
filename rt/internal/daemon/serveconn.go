package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/internal/sock"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// serverConn is the daemon's end of a connection. One goroutine at a time reads
// it, and answers the calls whose turn has come when they arrive; the others are
// answered by a goroutine each, which ends with the call.
type serverConn struct {
	d      *Daemon
	conn   net.Conn
	in     *sock.Intake
	reader *wire.Reader // of in
	out    *sock.WriteQueue
	number uint64 // never used again in the daemon's life
	pid    int    // of the client, for people: what it says where the kernel does not
	uid    int    // the client's user; the daemon's own where the kernel does not tell
	caller Caller
	since  time.Time

	// ctx, in which CallerFrom finds this connection, ends when the client is
	// gone, or when the daemon leaves at once.
	ctx    context.Context
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when nobody reads any more

	mu      sync.Mutex
	calls   map[uint64]*servedCall // accepted, not yet answered
	bytes   int                    // of their requests
	last    uint64                 // the id accepted last
	leaving bool                   // no call is accepted: going-away was sent, or it was never welcome to call
	stays   bool                   // it asked for Shutdown: closed by the end of the process only

	// Of the goroutine that reads.

	arrived queue      // calls that were taken up and have not begun
	inline  inlineCall // what it runs
	batch   time.Time  // when the first of the calls began whose replies are not yet written; zero: there are none

	made   atomic.Uint64 // how many calls were accepted
	held   held          // what it has acquired
	memory memory        // for the arguments of its calls
	types  stub.TypeQuota

	client bool // counted as a user of the object; guarded by daemon.mu
}

// Why the context of a call ends; its cause.
var (
	errDraining   = errors.New("the daemon is leaving")
	errCanceled   = errors.New("canceled by the caller")
	errClientGone = errors.New("the caller is gone")
	errLeavingNow = errors.New("the daemon leaves at once")
)

// ServeConn admits a connection of p's and serves it until it ends.
func (d *Daemon) ServeConn(conn net.Conn, p Peer) {
	if s, err := d.admit(conn, p); err == nil {
		go s.read() // on a stack that the handshake has not made grow
	}
}

// read reads frames until the connection ends, or until another goroutine reads because
// this one runs a method. Calls begin when all that has come is read, so that a cancel
// behind a call counts. It never waits for a turn or a slow reader, and for a method
// only as long as inlineRunner allows.
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

// take does what a frame says. An error is a breach of protocol, which ends the
// connection.
func (s *serverConn) take(f wire.Frame) error {
	switch f.Kind {
	case wire.KindCall:
		return s.accept(f)
	case wire.KindCancel:
		s.cancelCall(f.ID, f.Method)
	case wire.KindAbandon:
		s.abandonCall(f.ID)
	case wire.KindStatus:
		s.status(f.ID)
	case wire.KindShutdown:
		return s.shutdown(f.ID, f.Body)
	default:
		s.refuse(f.ID, wire.FailureUnsupported, f.Kind.String()+" is not for the daemon")
	}
	return nil
}

// begin begins the calls that have arrived, and reports whether this goroutine still
// reads the connection afterwards. Unless the connection is current, which a large frame
// that arrives in pieces prevents, calls have to look for what has come behind them.
func (s *serverConn) begin(current bool) (reads bool) {
	for s.arrived.len() > 0 {
		c := s.arrived.pop()
		c.current = current
		ready := s.d.turn.enter(&c.ticket)
		// Methods that run concurrently may wait for each other.
		c.inline = ready && current && c.method.Mode != stub.Concurrent && c.fast.Load() &&
			c.ticket.since.Sub(c.arrived) < fresh && !s.behind()
		if !c.inline {
			go s.answer(c) // ends with the call
		} else if !s.answerHere(c) {
			return false
		}
	}
	return true
}

// answerHere runs a call on the goroutine that reads, and reports whether that one
// still reads afterwards.
func (s *serverConn) answerHere(c *servedCall) (reads bool) {
	switch since := c.ticket.since; {
	case s.batch.IsZero():
		s.batch = since
	case since.Sub(s.batch) > longestBatch:
		s.flush()
		s.batch = since
	}
	returned := false
	call := s.d.inlineRunner.begin(&s.inline, c.fast)
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

// longestBatch is how long the reply of a call that has ended waits for those of the
// calls that came with it: so long that a write is worth it, and no longer, since the
// client has nothing to do meanwhile. A stand-in writes what waits for a method that
// takes its time.
const longestBatch = 20 * time.Microsecond

// flush writes the replies that wait. Only the goroutine that reads calls it.
func (s *serverConn) flush() {
	if !s.batch.IsZero() {
		s.batch = time.Time{}
		s.out.Flush()
	}
}

// accept takes up a call, or refuses it. An error is a breach of protocol.
func (s *serverConn) accept(f wire.Frame) error {
	s.mu.Lock()
	if f.ID <= s.last || wire.OpenedByDaemon(f.ID) {
		s.mu.Unlock()
		return fmt.Errorf("call id %d is not above %d", f.ID, s.last)
	}
	s.last = f.ID
	if s.made.Add(1) == 1 {
		s.d.setClient(s, true) // it may have been an observer until now
	}
	var code wire.FailureCode
	switch {
	case s.leaving:
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
		s.refuse(f.ID, code, "")
		return nil
	}
	c := s.newCall(f)
	s.calls[c.id] = c
	s.bytes += len(c.request)
	s.d.addRunning() // under s.mu: a daemon that leaves counts every call that goAway's last id covers
	s.mu.Unlock()
	s.arrived.push(c)
	return nil
}

// answer executes a call: the arguments are decoded before the turn comes, the
// results encoded before it passes on, so that nothing that aliases the object
// is looked at outside the turn. reply runs whatever the method does: return,
// panic or Goexit.
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
	} else if c.reply.Bytes, err = c.results.Finish(); err != nil {
		c.failed = notEncoded(err)
	}
	returned = true
}

// reply passes the turn on and sends what became of the call.
func (s *serverConn) reply(c *servedCall) {
	c.releaseMemory()
	if c.run.Begun() {
		s.d.executed.Add(1) // before the reply, so that who has it finds it counted
		if fast := time.Since(c.ticket.since) <= maxInlineTime; fast != c.fast.Load() {
			c.fast.Store(fast)
		}
	}
	s.d.turn.release(&c.ticket)
	sealed := c.failed == nil && s.seal(&c.reply, wire.Frame{Kind: wire.KindReply, ID: c.id})
	if sealed && !c.inline {
		// While the call counts, so that no more than the window's wait here.
		s.out.Reserve(s.ctx, &c.reply, s.d.limits.bytes/8*7) // the rest is for those that do not wait
	}
	s.mu.Lock()
	delete(s.calls, c.id)
	s.bytes -= len(c.request)
	orphan := c.orphan
	c.orphan = nil
	if c.ctx != nil {
		c.ctx.end(context.Canceled)
	}
	if c.effect != nil {
		s.settle(c)
	}
	// The reply first, then the count: a daemon that leaves when the last call
	// has ended must find its reply in the outbox.
	inline := c.inline
	if c.failed != nil {
		s.enqueueFailure(c.id, c.failed)
	} else if sealed {
		s.enqueue(&c.reply) // and the call is over: its memory may be used again
	}
	s.mu.Unlock()
	if !inline {
		s.out.Flush()
	}
	s.d.removeRunning(orphan)
}

func (s *serverConn) refuse(id uint64, code wire.FailureCode, text string) {
	s.fail(id, &wire.Failure{Code: code, Text: text})
}

func (s *serverConn) fail(id uint64, f *wire.Failure) {
	s.enqueueFailure(id, f)
	s.out.Flush()
}

func (s *serverConn) enqueueFailure(id uint64, f *wire.Failure) {
	body, err := wire.Marshal(f)
	if err != nil {
		s.d.log.Error("encode a failure", "err", err)
		s.conn.Close()
		return
	}
	s.enqueueFrame(wire.Frame{Kind: wire.KindError, ID: id, Body: body})
}

// send sends a frame to the client.
func (s *serverConn) send(f wire.Frame) {
	s.enqueueFrame(f)
	s.out.Flush()
}

func (s *serverConn) enqueueFrame(f wire.Frame) {
	frame, err := f.Append(nil)
	if err != nil {
		s.d.log.Error("encode a frame", "err", err)
		s.conn.Close()
		return
	}
	s.enqueue(&sock.QueuedFrame{Bytes: frame})
}

// seal makes the frame of a message that has wire.Room in front.
func (s *serverConn) seal(o *sock.QueuedFrame, f wire.Frame) bool {
	frame, err := f.Seal(o.Bytes)
	if err != nil {
		s.d.log.Error("encode a frame", "err", err)
		s.conn.Close()
	}
	o.Bytes = frame
	return err == nil
}

// enqueue queues a frame for the client. A client that leaves too much unread is
// hung up on, so that it cannot fill the daemon's memory.
func (s *serverConn) enqueue(o *sock.QueuedFrame) {
	s.out.Enqueue(o) // fails when nobody is there to read it
	if s.out.Backlog() > s.d.limits.bytes {
		s.d.log.Warn("closed a connection that does not read its replies", "pid", s.pid)
		s.conn.Close()
	}
}

// behind reports whether the client has so much yet to read that none of its calls
// begins. It may read as fast as it can, and call methods with large results many
// at a time: it is not hung up on for that.
func (s *serverConn) behind() bool { return s.out.Over(s.mayLag()) }

// mayLag is how much that is, in bytes. There is room for a whole frame, so that the
// result of a call that had the turn alone waits nowhere else than in the outbox.
func (s *serverConn) mayLag() int { return s.d.limits.bytes / 8 * 5 }

// cancelCall notes that the caller of a call has given up. A call that waits for its
// turn leaves the queue and is answered so; a method that runs may look at its context.
func (s *serverConn) cancelCall(id uint64, reason uint16) {
	cause := errCanceled
	if reason == wire.CancelDeadline {
		cause = context.DeadlineExceeded
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[id]; c != nil {
		c.end(cause)
	}
}

// abandonCall notes that the caller of a call was told that it failed. What the call has
// acquired is given back, now or when the method returns.
func (s *serverConn) abandonCall(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[id]; c != nil {
		c.end(errCanceled)
	} else if h := s.held.abandon(id); h != nil {
		s.d.end(*h)
	}
}

func (s *serverConn) status(id uint64) {
	s.observe()
	body, err := wire.Marshal(s.d.status())
	if err != nil {
		s.refuse(id, wire.FailureNotEncodable, err.Error())
		return
	}
	s.send(wire.Frame{Kind: wire.KindReply, ID: id, Body: body})
}

// shutdown makes the daemon leave. Of several users who may call, only the one who
// runs it, and root, may do that.
func (s *serverConn) shutdown(id uint64, body []byte) error {
	m, err := wire.ParseShutdown(body)
	if err != nil {
		return err
	}
	s.observe()
	if uid := s.caller.UID; uid != os.Geteuid() && uid != 0 {
		s.refuse(id, wire.FailureNotAllowed, fmt.Sprintf("user %d may not make a daemon of user %d leave", uid, os.Geteuid()))
		return nil
	}
	s.setStays(true) // before the daemon leaves
	reason := fmt.Sprintf("shut down by process %d", s.pid)
	if !m.Idle {
		s.d.Leave(reason, m.Now)
	} else if use := s.d.leaveUnused(reason, m.Now); use != "" {
		s.setStays(false)
		s.refuse(id, wire.FailureInUse, use)
	}
	return nil
}

func (s *serverConn) setStays(stays bool) {
	s.mu.Lock()
	s.stays = stays
	s.mu.Unlock()
}

// observe notes that the connection is not, so far, a user of the object.
func (s *serverConn) observe() {
	if s.made.Load() == 0 { // only the goroutine that reads makes it grow
		s.d.setClient(s, false)
	}
}

// goAway tells the client that no call after the last one read is executed.
func (s *serverConn) goAway(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	body, err := wire.Marshal(wire.GoingAway{Last: s.last, Reason: reason})
	if err != nil {
		s.conn.Close()
		return
	}
	s.send(wire.Frame{Kind: wire.KindGoingAway, Body: body})
}

// gone forgets the connection. Calls of it that have not begun are dropped;
// the context of the one that runs ends.
func (s *serverConn) gone() {
	s.out.Refuse(errClientGone) // first: the calls that end because of this are not answered
	s.cancel(errClientGone)     // before the client sees the connection end: now no call of it begins
	s.in.Close()
	for s.arrived.len() > 0 {
		c := s.arrived.pop()
		s.d.turn.enter(&c.ticket)
		go s.answer(c) // ends at once: the call does not begin
	}
	s.out.Close(errClientGone)
	s.orphanAll()
	s.endAll() // before the daemon counts a user less, and may leave
	s.d.removeConn(s)
	close(s.ended)
}
