package rt

import (
	"context"
	"fmt"
	"runtime"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/stub"
)

// Shared is one singleton as one process sees it: what the generated ShareT
// returns. C is its client, P its proxy. It holds at most one connection, made
// on first use, used by all goroutines and made again when the daemon was
// replaced. Close it, or drop it with all its handles, to give that up. All
// methods may be called concurrently.
type Shared[C, P any] struct {
	owner *owner
	c     func(*Conn) C
	p     func(*Conn) P
}

// NewShared is called by generated code. Nothing is opened or started; what is
// wrong with cfg or with the constructor's arguments is returned by Connect.
func NewShared[C, P any](cfg Config, svc *stub.Service, c func(*Conn) C, p func(*Conn) P, args func(*stub.Encoder)) *Shared[C, P] {
	return &Shared[C, P]{owner: newOwner(newClient(cfg, svc, args)), c: c, p: p}
}

// Connect returns a client: every method of the type with a context first and
// an error last. It starts the daemon if there is none. Each call returns a
// handle of its own on the one connection.
//
// The error is a [*StartError], around ErrHookMissing, ErrConfigMismatch,
// ErrIncompatible, ErrUnresponsive, ErrUnreachable, ErrUnsafeDir,
// ErrTooManyClients, ErrAuth, ErrReentrant, the constructor's own error or the context's; or ErrClosed. With
// ScopeSystem nothing is started, and it may be ErrNotRunning or ErrNotAllowed.
// A caller whose context ends leaves a start under way to itself.
func (s *Shared[C, P]) Connect(ctx context.Context) (C, error) {
	if err := s.EnsureStarted(ctx); err != nil {
		var none C
		return none, err
	}
	return s.c(&Conn{owner: s.owner}), nil
}

// Proxy returns a proxy: exactly the method set of *T, so that it satisfies
// the interfaces that *T does. A call that fails where the method has no
// error result goes to Config.OnFault. Otherwise like Connect.
func (s *Shared[C, P]) Proxy(ctx context.Context) (P, error) {
	if err := s.EnsureStarted(ctx); err != nil {
		var none P
		return none, err
	}
	return s.p(&Conn{owner: s.owner}), nil
}

// EnsureStarted connects, and starts the daemon if there is none. Its error is
// that of Connect.
func (s *Shared[C, P]) EnsureStarted(ctx context.Context) error {
	if s.owner.invalid != nil {
		return s.owner.invalid
	}
	defer runtime.KeepAlive(s.owner)
	_, err := s.owner.connect(ctx)
	return err
}

// Close ends the connection; calls in flight end as unknown, and all handles
// and the Shared itself return ErrClosed from now on. The daemon stays until
// it is idle. Close is idempotent and returns nil.
func (s *Shared[C, P]) Close() error {
	s.owner.close()
	return nil
}

// Status asks the running daemon about itself. It never starts one: without
// one the error wraps ErrNotRunning. It is never refused because of another
// version of the type or another configuration, it does not prolong the
// daemon's life, and it works after Close. The daemon of another name, scope or
// type is not asked: the error wraps ErrIncompatible.
func (s *Shared[C, P]) Status(ctx context.Context) (Status, error) {
	return s.owner.status(ctx)
}

// Shutdown makes the running daemon leave and returns when its process has
// released everything, or with the context's error. Without a daemon it
// returns nil. Like Status it is never refused, but to another user than the
// daemon's (ScopeSystem), and works after Close.
func (s *Shared[C, P]) Shutdown(ctx context.Context, mode ShutdownMode) error {
	return s.owner.shutdown(ctx, mode)
}

// Restart shuts the daemon down, calls in flight finishing first, and starts
// another one: the object is made anew. After Close it returns ErrClosed and
// changes nothing. If Close comes while Restart runs, the daemon may have left
// already, and Restart returns ErrClosed and starts none: the next client does.
func (s *Shared[C, P]) Restart(ctx context.Context) error {
	if err := s.owner.mayStart(); err != nil {
		return err // rather than end a daemon that nobody could replace
	}
	used := s.owner.current()
	if err := s.Shutdown(ctx, ShutdownDrain); err != nil {
		return err
	}
	s.owner.forget(used) // which may not have noticed yet
	return s.EnsureStarted(ctx)
}

// String says which singleton it is and whether this process is connected.
func (s *Shared[C, P]) String() string {
	c := s.owner.client
	c.mu.Lock()
	defer c.mu.Unlock()
	state := "not connected"
	switch {
	case c.closed:
		state = "closed"
	case c.link != nil:
		state = "connected to " + c.link.incarnation
	}
	return fmt.Sprintf("shared %s %q (%s)", cut.Name(c.svc.Name), cut.Name(c.cfg.Name), state)
}
