package rt

import (
	"runtime"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/stub"
)

// owner keeps a client's connection open. The Shared and its handles refer to the
// owner, and the goroutine of the connection does not. So the owner becomes unreachable
// when the program has dropped them all, and its cleanup closes the connection.
type owner struct{ *client }

func newOwner(c *client) *owner {
	o := &owner{c}
	runtime.AddCleanup(o, func(c *client) { c.beginClose() }, c)
	return o
}

// conn is a handle on the connection of a Shared. Each client and proxy has one.
type conn struct {
	owner  *owner
	closed atomic.Bool
}

// Begin begins a call of the method with that name. The error is a [*CallError].
func (c *conn) Begin(method string) (stub.Exchange, error) {
	if c.closed.Load() {
		return nil, c.owner.callError(method, OutcomeNotSent, "", ErrClosed)
	}
	p, err := c.owner.begin(method)
	if err != nil {
		return nil, err // not a nil *pendingCall in an interface
	}
	return p, nil
}

// Close closes the handle: later calls through it fail with ErrClosed. It does not
// affect other handles or the connection. Close is idempotent and returns nil.
func (c *conn) Close() error {
	c.closed.Store(true)
	return nil
}
