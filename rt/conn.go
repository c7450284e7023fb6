package rt

import (
	"context"
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

// Conn is a handle on the connection of a Shared. It is for generated code only. A
// generated client or proxy has Conn as its underlying type, and so has none of Conn's
// methods. All methods of Conn may be called concurrently.
type Conn struct {
	owner  *owner
	closed atomic.Bool
}

// Call calls a method by its number. It returns the method's own error as it is, and
// every other error as a [*CallError].
func (c *Conn) Call(ctx context.Context, method int, args func(*stub.Encoder), results func(*stub.Decoder)) error {
	defer runtime.KeepAlive(c.owner) // otherwise the cleanup could close the connection during the call
	if c.closed.Load() {
		return c.owner.callError(method, OutcomeNotSent, "", ErrClosed)
	}
	return c.owner.call(ctx, method, args, results)
}

// Close closes the handle: later calls through it fail with ErrClosed. It does not
// affect other handles or the connection. Close is idempotent and returns nil.
func (c *Conn) Close() error {
	c.closed.Store(true)
	return nil
}

// Fault passes the error of a call to Config.OnFault, or panics with it if OnFault is
// nil. Generated code calls it for methods without an error result.
func (c *Conn) Fault(err error) {
	fault := asCallError(err)
	if c.owner.cfg.OnFault == nil {
		panic(fault)
	}
	c.owner.cfg.OnFault(fault)
}

// FaultString returns the result of a method such as String if its call failed with
// err. Packages fmt and log call such methods on their own, so these methods must not
// panic.
func (c *Conn) FaultString(err error) string {
	return "%!v(" + err.Error() + ")"
}
