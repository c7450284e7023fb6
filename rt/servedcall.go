package rt

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// servedCall is a call between its arrival and its answer, with the memory that it
// needs, which is used again by later calls. It is its run's stub.Host.
type servedCall struct {
	s       *serverConn
	id      uint64
	method  *stub.Method
	quick   *atomic.Bool // of the method, see standIns
	request []byte       // the body, its own
	run     stub.Run
	args    stub.Decoder
	results stub.Encoder
	lease   lease
	inline  bool   // it runs on the goroutine that reads
	claim   *claim // what it means to the holdings; nil: nothing
	failed  *wire.Failure
	reply   outgoing

	deadline time.Time // zero: none

	// Guarded by s.mu. The context is made when somebody asks for it: most methods
	// take none, and most calls do not wait.

	ctx    context.Context
	cancel context.CancelCauseFunc
	cause  error // why the context has ended, if that was before it was made
}

// newCall returns the call that a frame asks for.
func (s *serverConn) newCall(f wire.Frame) *servedCall {
	c, ok := s.d.answered.Get().(*servedCall)
	if !ok {
		c = new(servedCall)
		c.lease.granted = make(chan struct{}, 1)
		c.reply.written = c.release
	}
	c.s, c.id, c.method, c.quick = s, f.ID, &s.d.svc.Methods[f.Method], &s.d.quick[f.Method]
	if wire.Lent(f) {
		c.request = append(c.request[:0], f.Body...)
	} else {
		c.request = f.Body
	}
	if f.Deadline > 0 {
		c.deadline = time.Now().Add(f.Deadline)
	}
	caller := stub.Caller{PID: s.pid, Conn: s.number, Call: f.ID}
	c.lease.begin(c.method.Name, c.method.Mode, caller)
	if err := c.args.Reset(s.d.svc, c.request); err != nil {
		c.failed = &wire.Failure{Code: wire.FailureBadArguments, Text: err.Error()}
	}
	c.results.Reset(s.d.svc, s.d.limits.frame, wire.Room)
	c.claim = s.d.claim(f)
	c.run = stub.MakeRun(c, caller, &c.args, &c.results)
	return c
}

// release gives the call's memory to later ones, once nobody looks at it.
func (c *servedCall) release() {
	if cap(c.reply.frame) > keptMemory {
		return
	}
	if cap(c.request) > maxCopied {
		c.request = nil
	}
	answered := &c.s.d.answered
	c.s, c.claim, c.failed, c.reply.frame = nil, nil, nil, nil
	c.ctx, c.cancel, c.cause, c.deadline = nil, nil, nil, time.Time{}
	answered.Put(c)
}

// Context returns the context of the call.
func (c *servedCall) Context() context.Context {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.ctx != nil {
		return c.ctx
	}
	c.ctx, c.cancel = context.WithCancelCause(c.s.ctx)
	if !c.deadline.IsZero() {
		cancel := c.cancel
		var stop context.CancelFunc
		c.ctx, stop = context.WithDeadline(c.ctx, c.deadline)
		c.cancel = func(cause error) { cancel(cause); stop() }
	}
	if c.cause != nil {
		c.cancel(c.cause)
	}
	return c.ctx
}

// end ends the context: cause is why. s.mu is held.
func (c *servedCall) end(cause error) {
	if c.cause != nil {
		return
	}
	c.cause = cause
	if c.cancel != nil {
		c.cancel(cause)
	}
}

// Turn waits until it is the call's turn.
func (c *servedCall) Turn() error {
	ctx := c.s.ctx // inline, the turn is here, and nobody has read that the call is cancelled
	if !c.inline {
		ctx = c.Context()
	}
	for {
		if err := c.s.d.turn.wait(ctx, &c.lease); err != nil {
			return err
		}
		if c.inline || !c.s.behind() {
			return c.s.holdings.begin(c.claim)
		}
		// Not in the turn, which others could have meanwhile.
		c.s.d.turn.leave(&c.lease)
		c.s.out.recede(ctx, c.s.mayLag())
		c.lease.begin(c.method.Name, c.method.Mode, c.run.Caller)
		c.s.d.turn.enter(&c.lease)
	}
}
