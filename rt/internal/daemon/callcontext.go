package daemon

import (
	"context"
	"sync"
	"time"
)

// callContext is the context of a method. A context of package context ends with
// DeadlineExceeded only at its own deadline. A callContext also ends with that error when
// the client reports that the caller's context has ended with it.
type callContext struct {
	deadline time.Time     // zero: none
	done     chan struct{} // closed when err is set

	// inner ends with this context. It has the values and the cause, and runs the
	// functions of AfterFunc. This saves package context a goroutine for each context
	// that is derived from this one.
	inner  context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	err     error       // why the context has ended; nil: it has not
	unwatch func() bool // stops the AfterFunc of parent
	timer   *time.Timer // of the deadline; nil: none
}

// newCallContext returns a context that ends when parent ends, at the deadline if that
// is not zero, and when end is called. The caller must call end.
func newCallContext(parent context.Context, deadline time.Time) *callContext {
	c := &callContext{deadline: deadline, done: make(chan struct{})}
	c.inner, c.cancel = context.WithCancelCause(context.WithoutCancel(parent))
	c.mu.Lock() // parent may have ended: then end runs at once
	defer c.mu.Unlock()
	c.unwatch = context.AfterFunc(parent, func() { c.end(context.Cause(parent)) })
	if !deadline.IsZero() {
		c.timer = time.AfterFunc(time.Until(deadline), func() { c.end(context.DeadlineExceeded) })
	}
	return c
}

// end ends the context with cause, unless the context has ended.
func (c *callContext) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if cause == context.DeadlineExceeded {
		c.err = cause
	}
	c.cancel(cause) // functions of AfterFunc that call Err wait for c.mu
	close(c.done)
	c.unwatch()
	if c.timer != nil {
		c.timer.Stop()
	}
}

// Deadline returns the deadline that came with the call.
func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done returns a channel that is closed when the call has ended or is canceled.
func (c *callContext) Done() <-chan struct{} { return c.done }

// Err returns nil before Done is closed, then context.Canceled or
// context.DeadlineExceeded.
func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value returns the value of the connection's context, see CallerFrom.
func (c *callContext) Value(key any) any { return c.inner.Value(key) }

// AfterFunc calls f when the context has ended. Package context looks for this method.
func (c *callContext) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(c.inner, f) }
