package rt

import (
	"context"
	"errors"
	"fmt"

	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/host"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/start"
)

// Serve makes this process the daemon of an object of ScopeSystem. The program that the
// service manager starts calls it instead of Connect, as the user that owns the
// directory. Config, except AllowUsers and AllowGroups, and the constructor's arguments
// must be those of the clients. Serve makes the object and listens on the one Unix
// socket that the service manager passed (LISTEN_FDS), or else on a socket of its own.
// Its log is standard error.
//
// Serve serves until ctx ends, SIGTERM, SIGINT or SIGHUP arrives, Shutdown is called
// or, with an IdleTTL, the daemon is idle. Then it finishes running calls and calls the
// object's Close, as every daemon does. A process serves one object, once, and should
// exit when Serve returns. It need not call ServeIfDaemon, unless its object is itself
// a client of objects that clients start.
//
// Serve returns nil after it has served. Otherwise the error is a [*StartError], which
// wraps ErrUnsafeDir, the constructor's own error, or an error about the socket or the
// configuration.
func (s *Shared[C, P]) Serve(ctx context.Context) error {
	if s.owner.invalid != nil {
		return s.owner.invalid
	}
	return s.owner.serve(ctx)
}

func (c *client) serve(ctx context.Context) error {
	h, stage, err := c.newSystemDaemon()
	if err == nil {
		if stage, err = h.Publish(); err != nil {
			h.Close()
		}
	}
	if err != nil {
		if stage != start.StageConstructor && errors.Is(err, rundir.ErrUnsafe) {
			err = kindError{ErrUnsafeDir, err}
		}
		return c.objectError(Stage(stage), err)
	}
	h.Run(ctx)
	h.CloseConns() // the process may continue after Serve
	return nil
}

// objectError returns the StartError of a process that could not make the object
// itself.
func (c *client) objectError(stage Stage, err error) *StartError {
	if p, ok := err.(*daemon.ConstructorPanic); ok {
		failure := c.startError(stage, &PanicError{Value: p.Value, Stack: p.Stack})
		failure.Stack = p.Stack
		return failure
	}
	return c.startError(stage, err)
}

// newSystemDaemon makes the object and the host that clients connect to. If it fails, it
// returns the stage at which it failed.
func (c *client) newSystemDaemon() (*host.Host, string, error) {
	switch {
	case c.cfg.Scope != ScopeSystem:
		return nil, start.StageDirectory, fmt.Errorf("Serve is for ScopeSystem: with Config.Scope %q the first client starts the daemon; call Connect", c.cfg.Scope)
	case rundir.Getenv("LOOPGEN_MODE") != "":
		return nil, start.StageDirectory, errors.New("LOOPGEN_MODE is set, but a service does not keep its object to itself: unset it")
	case c.svc.New == nil:
		return nil, start.StageSpawn, errInitialising
	}
	guard, err := host.NewAdmission(c.cfg.AllowUsers, c.cfg.AllowGroups)
	if err != nil {
		return nil, start.StageDirectory, err
	}
	base, err := c.base()
	if err != nil {
		return nil, start.StageDirectory, err
	}
	return host.NewSystemDaemon(start.Request{
		Anchor: []byte(base.path), Name: []byte(c.cfg.Name), Scope: []byte(base.scope),
		Service: c.svc.Name, Args: c.args, Config: c.config, Parts: c.parts, Version: c.cfg.Version,
		IdleTTL: c.cfg.IdleTTL, OrphanTimeout: c.cfg.OrphanTimeout, StartTimeout: c.cfg.StartTimeout, Transport: string(TransportUnix),
	}, c.svc, guard)
}
