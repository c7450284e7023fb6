package rt

import (
	"bytes"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/quota"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// pendingCall is a call in the client. It has the memory that the call needs, and later
// calls use the memory again.
type pendingCall struct {
	client  *client
	number  int // of the method
	method  *stub.Method
	args    stub.Encoder
	results stub.Decoder
	request []byte // the encoded arguments, after wire.Room free bytes

	link     *link        // that has answered
	answered *pendingCall // the try that was answered: this call, or a clone of it

	frame  sock.QueuedFrame
	waiter quota.Waiter // for the link's quota

	id    uint64
	wake  chan struct{} // gets one value when the call is no longer in link.waiting
	users atomic.Int32  // users of the memory: the caller and the writer of the frame

	// Guarded by link.mu while the call is pending.

	size      int     // of the request, as the quota counts it
	index     int     // in link.waiting, if waits
	waits     bool    // in link.waiting, for the answer or to become the reader
	ended     bool    // reply or failed is set
	abandoned bool    // the caller has returned without an answer; the memory is not used again
	reply     []byte  // the body of the reply
	failed    failure // why there is no reply
}

// maxReused is the largest buffer, in bytes, that is used again. The second garbage
// collection after the last use of a pool's memory frees it.
const maxReused = 2 << 20

// newCall returns a call with an empty encoder for its arguments.
func (c *client) newCall() *pendingCall {
	p, ok := c.freeCalls.Get().(*pendingCall)
	if !ok {
		p = &pendingCall{client: c, wake: make(chan struct{}, 1)}
		p.frame.Written = func() { c.release(p) }
	}
	p.users.Store(2)
	p.args.Reset(c.svc, wire.MaxFrame, wire.Room)
	return p
}

// Args returns the encoder of the arguments.
func (c *pendingCall) Args() *stub.Encoder { return &c.args }

// release returns the memory of an answered call to the pool, after the second of its two
// users has released it. The writer of the frame is one of them, since the reply may
// arrive before the writer returns. The memory of a call without a reply is not used
// again, because other goroutines may still use it.
func (c *client) release(p *pendingCall) {
	if p.users.Add(-1) > 0 {
		return
	}
	if cap(p.reply) > wire.MaxCopied {
		p.reply = nil
	}
	if cap(p.request) <= maxReused {
		c.freeCalls.Put(p)
	}
}

// clone returns a call with the same arguments, to be sent on another link.
func (c *pendingCall) clone() *pendingCall {
	next := &pendingCall{request: bytes.Clone(c.request), wake: make(chan struct{}, 1)}
	next.users.Store(2) // frame.Written is nil, so the memory is never released to the pool
	return next
}

// setReply stores the body of a reply. It copies a body that is in
// the memory of the wire.Reader.
func (c *pendingCall) setReply(f wire.Frame) {
	if wire.Lent(f) {
		c.reply = append(c.reply[:0], f.Body...)
	} else {
		c.reply = f.Body
	}
}
