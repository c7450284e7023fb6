package rt

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/stub"
)

// owner keeps a client's connection open: its Shared and its handles hold it,
// the connection's own goroutine does not. When the program has dropped them
// all, the connection is closed.
type owner struct{ *client }

func newOwner(c *client) *owner {
	o := &owner{c}
	runtime.AddCleanup(o, func(c *client) { c.abandon() }, c)
	return o
}

// Conn is a handle on a Shared's connection, for generated code only: a client
// or a proxy is a Conn under another name, so that it has none of Conn's
// methods. All of them may be called concurrently.
type Conn struct {
	owner  *owner
	closed atomic.Bool
}

// Call calls a method by its number and returns its own error bare, everything
// else as a [*CallError].
func (c *Conn) Call(ctx context.Context, method int, args func(*stub.Encoder), results func(*stub.Decoder)) error {
	defer runtime.KeepAlive(c.owner) // or a call might outlive its connection
	if c.closed.Load() {
		return c.owner.callError(method, OutcomeNotSent, "", ErrClosed)
	}
	return c.owner.call(ctx, method, args, results)
}

// Close ends the handle: calls through it return ErrClosed from now on. Other
// handles and the Shared's connection are not affected. It is idempotent and
// returns nil.
func (c *Conn) Close() error {
	c.closed.Store(true)
	return nil
}

// Fault hands the error of a call to Config.OnFault, or panics with it, since
// the method that was called has no error result.
func (c *Conn) Fault(err error) {
	fault := asCallError(err)
	if c.owner.cfg.OnFault == nil {
		panic(fault)
	}
	c.owner.cfg.OnFault(fault)
}

// FaultString returns what a method such as String says instead when the call
// failed. Those are called by fmt and log unasked, so they never panic.
func (c *Conn) FaultString(err error) string {
	return "%!v(" + err.Error() + ")"
}
