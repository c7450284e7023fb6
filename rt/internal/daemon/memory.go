package daemon

import (
	"context"
	"time"

	"github.com/loopgen/loopgen/rt/internal/quota"
	"github.com/loopgen/loopgen/rt/stub"
)

// memory bounds the decoded arguments of a connection's calls, together with buffers that
// methods fill. A call that needs more than limits.small acquires its memory before it
// decodes anything, and releases it when its method has returned.
//
// A call never waits for memory while it has the turn or is in the queue. A concurrent
// call never waits for the memory of a call that takes turns, nor the other way round.
// Therefore calls that take turns make progress: those that have memory are in the queue.
type memory struct {
	turns, concurrent *quota.Quota
}

func newMemory(l *limits) memory {
	return memory{quota.New(l.calls, l.decoded), quota.New(l.calls, l.decoded)}
}

// acquireMemory acquires the memory for a call's arguments. If there is too little, the
// call releases its ticket, waits for the memory, and enters the queue again. Its connection
// is read meanwhile: if the call runs inline, another goroutine takes over the reading. An
// error is the cause of the call's context.
func (s *serverConn) acquireMemory(c *servedCall) error {
	size := s.d.svc.Memory(c.number, c.request, s.d.limits.small, &s.types)
	if size <= s.d.limits.small {
		return nil
	}
	size = min(size, s.d.limits.decoded) // a call that needs more acquires the whole quota
	from := s.memory.turns
	if c.method.Mode == stub.Concurrent {
		from = s.memory.concurrent
	}
	if !from.Try(size) {
		s.releaseTurn(c)
		c.inline = false
		ctx := c.Context()
		if err := from.Acquire(ctx, size, new(quota.Waiter)); err != nil {
			return context.Cause(ctx)
		}
		c.ticket.begin(c.method.Name, c.method.Mode, c.s.pid, time.Now())
		s.d.turn.enter(&c.ticket)
	}
	c.memory, c.memorySize = from, size
	return nil
}

// releaseMemory releases the memory of acquireMemory, if any.
func (c *servedCall) releaseMemory() {
	if c.memory != nil {
		c.memory.Release(c.memorySize)
		c.memory = nil
	}
}
