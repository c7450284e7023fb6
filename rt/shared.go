package rt

import (
	"context"
	"fmt"
	"runtime"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/stub"
)

// Shared is one singleton as this process uses it. The generated function ShareT
// returns it. C is the type of its client, P the type of its proxy.
//
// A Shared has at most one connection, which all goroutines use. The first use makes
// the connection, and a later use makes it again after the daemon was replaced. Close
// ends it. So does the garbage collector, after the program has dropped the Shared and
// all its handles. All methods may be called concurrently.
type Shared[C, P any] struct {
	owner *owner
	c     func(stub.Conn) C
	p     func(stub.Conn) P
}

// NewShared returns a Shared. It is for generated code only. It opens and starts
// nothing: an error in cfg or in the constructor's arguments is returned by Connect. It
// may be called concurrently.
func NewShared[C, P any](cfg Config, svc *stub.Service, c func(stub.Conn) C, p func(stub.Conn) P, args func(*stub.Encoder)) *Shared[C, P] {
	return &Shared[C, P]{owner: newOwner(newClient(cfg, svc, args)), c: c, p: p}
}

// Connect returns a client, which has every method of the type with a context first and
// an error last. It starts the daemon if none runs. All clients use the one connection,
// and each can be closed alone.
//
// The error is ErrClosed or a [*StartError]. A StartError wraps ErrHookMissing,
// ErrConfigMismatch, ErrIncompatible, ErrUnresponsive, ErrUnreachable, ErrUnsafeDir,
// ErrTooManyClients, ErrAuth, ErrReentrant, the constructor's own error or the
// context's. With ScopeSystem Connect starts nothing, and the StartError may also wrap
// ErrNotRunning or ErrNotAllowed. A start under way continues after the context of its
// caller has ended.
func (s *Shared[C, P]) Connect(ctx context.Context) (C, error) {
	if err := s.EnsureStarted(ctx); err != nil {
		var none C
		return none, err
	}
	return s.c(&conn{owner: s.owner}), nil
}

// Proxy returns a proxy, which has exactly the method set of *T and so satisfies the
// interfaces that *T satisfies. If a call fails and its method has no error result, the
// proxy passes the error to Config.OnFault. Otherwise Proxy is like Connect.
func (s *Shared[C, P]) Proxy(ctx context.Context) (P, error) {
	if err := s.EnsureStarted(ctx); err != nil {
		var none P
		return none, err
	}
	return s.p(&conn{owner: s.owner}), nil
}

// EnsureStarted connects, and starts the daemon if none runs. Its errors are those of
// Connect.
func (s *Shared[C, P]) EnsureStarted(ctx context.Context) error {
	if s.owner.invalid != nil {
		return s.owner.invalid
	}
	defer runtime.KeepAlive(s.owner)
	_, err := s.owner.connect(ctx)
	return err
}

// Close ends the connection. Calls in flight fail with OutcomeUnknown; all later uses
// of the handles and of the Shared fail with ErrClosed. The daemon stays until it is
// idle. Close is idempotent and returns nil.
func (s *Shared[C, P]) Close() error {
	s.owner.close()
	return nil
}

// Status returns the state of the running daemon. It starts no daemon: if none runs,
// the error wraps ErrNotRunning. A daemon with another version of the type or another
// configuration answers as well. Status does not postpone the daemon's idle exit, and
// it works after Close. It does not ask a daemon of another name, scope or type: the
// error then wraps ErrIncompatible.
func (s *Shared[C, P]) Status(ctx context.Context) (Status, error) {
	return s.owner.status(ctx)
}

// Shutdown shuts the running daemon down. It returns nil after the daemon's process has
// released everything, and if no daemon runs. It returns the context's error if ctx
// ends before. Like Status, it is accepted whatever the version and the configuration,
// and it works after Close. With ScopeSystem the daemon accepts it only from its own
// user and, if Config.AllowUsers or AllowGroups admit root, from root; for other users
// the error wraps ErrNotAllowed.
func (s *Shared[C, P]) Shutdown(ctx context.Context, mode ShutdownMode) error {
	return s.owner.shutdown(ctx, mode)
}

// Restart shuts the daemon down with ShutdownDrain and starts another one, which makes
// a new object. Its errors are those of Shutdown and Connect. After Close it returns
// ErrClosed and changes nothing. If Close is called while Restart runs, the daemon may
// have exited already. Restart then returns ErrClosed and starts none; the next client
// does.
func (s *Shared[C, P]) Restart(ctx context.Context) error {
	if err := s.owner.mayStart(); err != nil {
		return err // do not end a daemon that this client could not replace
	}
	used := s.owner.current()
	if err := s.Shutdown(ctx, ShutdownDrain); err != nil {
		return err
	}
	s.owner.forget(used) // the connection may not have noticed the exit yet
	return s.EnsureStarted(ctx)
}

// String names the singleton and says whether this process is connected to it.
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
