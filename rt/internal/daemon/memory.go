package daemon

import (
	"context"

	"github.com/loopgen/loopgen/rt/internal/quota"
	"github.com/loopgen/loopgen/rt/stub"
)

// memory bounds what the arguments of a connection's calls decode to, buffers that
// methods fill included. A call that needs more than limits.small acquires it before
// it decodes anything, and releases it when its method has returned.
//
// A call never waits for memory while it has the turn or a place in the queue, and a
// concurrent call never waits for one that takes turns, or the other way round. Calls
// that take turns therefore make progress: those that have memory are in the queue.
type memory struct {
	turns, concurrent *quota.Quota
}

func newMemory(l *limits) memory {
	return memory{quota.New(l.calls, l.decoded), quota.New(l.calls, l.decoded)}
}

// acquireMemory acquires the memory for a call's arguments. A call for which there is
// none waits without its place in the queue, and queues again; its connection
// is read meanwhile, by a stand-in if need be. The error is why the call's context
// has ended.
func (s *serverConn) acquireMemory(c *servedCall) error {
	size := s.d.svc.Memory(c.number, c.request, s.d.limits.small, &s.types)
	if size <= s.d.limits.small {
		return nil
	}
	size = min(size, s.d.limits.decoded) // a call that needs more has all of it
	from := s.memory.turns
	if c.method.Mode == stub.Concurrent {
		from = s.memory.concurrent
	}
	if !from.Try(size) {
		s.d.turn.release(&c.ticket)
		c.inline = false
		ctx := c.Context()
		if err := from.Acquire(ctx, size); err != nil {
			return context.Cause(ctx)
		}
		c.ticket.begin(c.method.Name, c.method.Mode, c.run.Caller)
		s.d.turn.enter(&c.ticket)
	}
	c.memory, c.memorySize = from, size
	return nil
}

// releaseMemory releases what acquireMemory has acquired.
func (c *servedCall) releaseMemory() {
	if c.memory != nil {
		c.memory.Release(c.memorySize)
		c.memory = nil
	}
}
