package daemon

import (
	"context"
	"runtime"
	"time"

	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// reply releases the turn and sends the outcome of a call.
func (s *serverConn) reply(c *servedCall) {
	c.releaseMemory()
	c.count()
	s.d.turn.release(&c.ticket)
	sealed := c.failed == nil && s.seal(&c.reply, wire.Frame{Kind: wire.KindReply, ID: c.id})
	if sealed && !c.inline {
		// The call still counts against limits.calls, which bounds how many replies wait here.
		s.out.Reserve(s.ctx, &c.reply, s.d.limits.bytes/8*7) // the last eighth is for frames that do not wait
	}
	s.mu.Lock()
	delete(s.calls, c.id)
	s.bytes -= len(c.request)
	orphan, inline, batched := c.orphan, c.inline, c.ticket.batched
	c.orphan = nil
	if c.ctx != nil {
		c.ctx.end(context.Canceled)
	}
	c.endParts()
	// The reply first, then the count: a shutdown goes on when no call runs, and must
	// then find the last reply in the write queue.
	if c.failed != nil {
		s.enqueueFailure(c.id, c.failed)
	} else if sealed {
		s.enqueue(&c.reply) // the call is over: later calls may use its memory
	}
	s.mu.Unlock()
	if !inline {
		s.flushAfter(batched)
	}
	s.d.removeRunning(orphan)
}

// releaseTurn releases the turn of a call that will enter the queue again.
func (s *serverConn) releaseTurn(c *servedCall) {
	s.d.turn.release(&c.ticket)
	s.flushAfter(c.ticket.batched)
}

// flushAfter writes the replies that wait, after a call has queued its own. If the call
// was batched and others of the connection are, the last of them writes, so that a queue
// of fast calls does not take a write for each. One of them may still take long: the
// replies wait for it no longer than flushSoon.
func (s *serverConn) flushAfter(batched bool) {
	switch {
	case !batched || s.due.Add(-1) == 0:
		s.out.Flush()
	case s.flushing.CompareAndSwap(false, true):
		go s.flushSoon() // ends after maxBatchDelay
	}
}

// flushSoon writes the replies that wait, maxBatchDelay after the first of them or later,
// when the scheduler runs it: a program whose processors are all busy preempts the queue's
// methods every 10 ms. A Go timer would cost more than the write: see PERFORMANCE.md.
func (s *serverConn) flushSoon() {
	first := time.Now()
	for yields := 0; yields < maxYields && time.Since(first) < maxBatchDelay; yields++ {
		runtime.Gosched()
	}
	s.flushing.Store(false) // first: a reply that is queued from now on needs another flushSoon
	s.out.Flush()
}

// maxYields is how often flushSoon lets other goroutines run, at most. On an idle processor
// they take less than maxBatchDelay, on a busy one far longer.
const maxYields = 100

// refuse sends a failure of a call that was not executed.
func (s *serverConn) refuse(id uint64, code wire.FailureCode, text string) {
	s.enqueueFailure(id, &wire.Failure{Code: code, Text: text})
	s.out.Flush()
}

// send sends a frame to the client.
func (s *serverConn) send(f wire.Frame) {
	s.enqueueFrame(f)
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

// enqueue queues a frame for the client. If the client has too much unread, enqueue
// closes the connection, so that no client can fill the daemon's memory.
func (s *serverConn) enqueue(o *sock.QueuedFrame) {
	s.out.Enqueue(o) // an error means that the connection has ended
	if s.out.Backlog() > s.d.limits.bytes {
		s.d.log.Warn("closed a connection that does not read its replies", "pid", s.pid)
		s.conn.Close()
	}
}

// backlogged reports whether the client has so many unread bytes that none of its calls
// begins. A client may read as fast as it can, and still call many methods with large
// results at a time: its connection is not closed for that.
func (s *serverConn) backlogged() bool { return s.out.Over(s.maxBacklog()) }

// maxBacklog is the largest number of unread bytes with which a call of the client begins.
// A whole frame fits into the write queue on top of them, so that the result of a call
// that had the turn alone waits nowhere else.
func (s *serverConn) maxBacklog() int { return s.d.limits.bytes / 8 * 5 }
