package daemon

import (
	"context"
	"time"

	"github.com/loopgen/loopgen/rt/internal/quota"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// servedCall is a call between its arrival and its answer, with its memory, which later
// calls use again. It is the stub.Host of its run.
type servedCall struct {
	s       *serverConn
	id      uint64
	number  int // of the method
	method  *stub.Method
	request []byte // the body, in memory of the call
	run     stub.Run
	args    stub.Decoder
	results stub.Encoder
	ticket  ticket
	inline  bool // it runs on the goroutine that reads
	current bool // when it was popped from serverConn.arrived, there was no unread input
	failed  *wire.Failure
	reply   sock.QueuedFrame

	begunParts int // how many of the connection's parts have let it begin

	memory     *quota.Quota // memorySize bytes of it are acquired for the arguments; nil: none are
	memorySize int

	arrived  time.Time
	deadline time.Time // zero: none

	// These are guarded by s.mu. Context makes the context: most methods take none, and
	// most calls do not wait.

	ctx    *callContext
	cause  error   // why the caller has given up: errCanceled or context.DeadlineExceeded
	orphan *orphan // nil: the caller's connection has not ended
}

// newCall makes a call of a frame.
func (s *serverConn) newCall(f wire.Frame) *servedCall {
	c, ok := s.d.answered.Get().(*servedCall)
	if !ok {
		c = new(servedCall)
		c.ticket.granted = make(chan struct{}, 1)
		c.reply.Written = c.release
	}
	c.s, c.id, c.number, c.method = s, f.ID, int(f.Method), &s.d.methods[f.Method]
	c.ticket.fast, c.ticket.due = &s.d.fast[f.Method], &s.due
	if wire.Lent(f) {
		c.request = append(c.request[:0], f.Body...)
	} else {
		c.request = f.Body
	}
	c.ticket.begin(c.method.Name, c.method.Mode, s.pid, s.arrival())
	c.arrived = c.ticket.since
	if f.Deadline > 0 {
		c.deadline = c.arrived.Add(f.Deadline)
	}
	if err := c.args.Reset(s.d.svc, c.request); err != nil {
		c.failed = &wire.Failure{Code: wire.FailureBadArguments, Text: err.Error()}
	}
	c.args.Limit(&s.types)
	if s.d.checks {
		c.args.Watch()
	}
	c.results.Reset(s.d.svc, s.d.limits.frame, wire.Room)
	c.run = stub.MakeRun(c, c.method, &c.args, &c.results)
	return c
}

// keptMemory is the largest buffer, in bytes, that later calls use again. The second
// garbage collection after its last use frees a pool's memory.
const keptMemory = 2 << 20

// release gives the call's memory to later calls. The reply was written by then.
func (c *servedCall) release() {
	if cap(c.reply.Bytes) > keptMemory {
		return
	}
	if cap(c.request) > wire.MaxCopied {
		c.request = nil
	}
	answered := &c.s.d.answered
	c.s, c.failed, c.reply.Bytes = nil, nil, nil
	c.ctx, c.cause, c.deadline = nil, nil, time.Time{}
	answered.Put(c)
}

// Context returns the context of the call.
func (c *servedCall) Context() context.Context {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.ctx == nil {
		c.ctx = newCallContext(c.s.ctx, c.deadline)
		if c.cause != nil {
			c.ctx.end(c.cause)
		}
	}
	return c.ctx
}

// end notes that the caller has given up because of cause, and ends the context. s.mu is
// held.
func (c *servedCall) end(cause error) {
	if c.cause != nil {
		return
	}
	c.cause = cause
	if c.ctx != nil {
		c.ctx.end(cause)
	}
}

// over returns why the caller does not wait for the results any more, or nil. s.mu is
// held.
func (c *servedCall) over(now time.Time) error {
	switch {
	case c.cause != nil:
		return c.cause
	case c.s.ctx.Err() != nil:
		return context.Cause(c.s.ctx)
	case !c.deadline.IsZero() && !now.Before(c.deadline):
		return context.DeadlineExceeded // its timer may not have run yet
	}
	return nil
}

// Turn waits until the call has the turn and may begin. With the turn, a call that does not
// run inline may wait in CatchUp until the input behind it is read, which may have its
// cancel. If its caller has given up by then, the call does not begin. If the client's
// backlog of unread replies is too large, the call releases the turn, waits for the client
// to read, and enters the queue again. Finally, beginParts lets each part refuse the call.
func (c *servedCall) Turn() error {
	s := c.s
	for {
		ctx := s.ctx
		if c.ticket.queued {
			ctx = c.Context()
		}
		err := s.d.turn.wait(ctx, &c.ticket)
		now := c.ticket.since
		if !c.inline {
			if err == nil && (!c.current || time.Since(c.arrived) >= maxUnchecked) {
				s.in.CatchUp()
			}
			now = time.Now()
		}
		if over := c.overBy(now); over != nil {
			return c.ticket.withBlocker(over)
		}
		if err != nil {
			return err
		}
		if c.inline || !s.backlogged() {
			return c.beginParts()
		}
		// The client has to read first. Other calls may have the turn meanwhile.
		s.releaseTurn(c)
		s.out.WaitBelow(c.Context(), s.maxBacklog())
		c.ticket.begin(c.method.Name, c.method.Mode, c.s.pid, time.Now())
		s.d.turn.enter(&c.ticket)
	}
}

// overBy is over without s.mu held.
func (c *servedCall) overBy(now time.Time) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.over(now)
}
