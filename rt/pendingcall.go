package rt

import (
	"bytes"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/sock"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// pendingCall is a call as its client sees it, with the memory that it needs,
// which is used again by later calls.
type pendingCall struct {
	args    stub.Encoder
	results stub.Decoder
	request []byte // what args has made, with wire.Room in front
	frame   sock.QueuedFrame

	id    uint64
	wake  chan struct{} // gets one value when the call is no longer in link.waiting
	users atomic.Int32  // of the memory: the caller and the writer of the frame

	// Guarded by link.mu while the call is pending.

	size    int     // of the request in the window
	index   int     // in link.waiting, if it waits
	waits   bool    // for the answer, or to read
	ended   bool    // the answer is there
	givenUp bool    // the caller has returned without it; the memory is not used again
	reply   []byte  // the body of the answer, or
	failed  failure // why there is none
}

// keptMemory is the largest buffer, in bytes, that is used again. A pool's memory is
// freed by the second garbage collection after its last use.
const keptMemory = 2 << 20

// newCall returns a call whose arguments are to be encoded.
func (c *client) newCall() *pendingCall {
	p, ok := c.replied.Get().(*pendingCall)
	if !ok {
		p = &pendingCall{wake: make(chan struct{}, 1)}
		p.frame.Written = func() { c.release(p) }
	}
	p.users.Store(2)
	p.args.Reset(c.svc, wire.MaxFrame, wire.Room)
	return p
}

// release gives the memory of a call that got its reply to later ones, once its
// frame is written, too: the reply may come before the writer knows that it has.
// Whatever else became of a call, others may look at it, and it is not used again.
func (c *client) release(p *pendingCall) {
	if p.users.Add(-1) > 0 {
		return
	}
	if cap(p.reply) > wire.MaxCopied {
		p.reply = nil
	}
	if cap(p.request) <= keptMemory {
		c.replied.Put(p)
	}
}

// again returns a call with the same arguments, to be sent in place of this one.
func (c *pendingCall) again() *pendingCall {
	next := &pendingCall{request: bytes.Clone(c.request), wake: make(chan struct{}, 1)}
	next.users.Store(2) // so that its memory is used once
	return next
}

// take keeps the body of a reply.
func (c *pendingCall) take(f wire.Frame) {
	if wire.Lent(f) {
		c.reply = append(c.reply[:0], f.Body...)
	} else {
		c.reply = f.Body
	}
}
