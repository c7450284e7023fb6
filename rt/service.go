package rt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// Serve makes this process the daemon of an object of ScopeSystem, and is
// called, instead of Connect, in the program that the service manager starts, as
// the owner of the directory. The other fields of Config and the constructor's
// arguments are those of the clients. Serve makes the object, and listens on the
// one Unix socket that the service manager has passed (LISTEN_FDS) or else on one
// of its own. It serves until ctx ends, SIGTERM, SIGINT or SIGHUP comes, Shutdown is
// called or, with an IdleTTL, nobody is there, and then finishes what runs, and
// calls the object's Close, as every daemon does. What it has to tell goes to
// standard error. A process serves one object, once: it should exit when Serve
// returns. It need not call ServeIfDaemon, unless its object uses others, which
// clients start.
//
// Serve returns nil when it has served. The error is a [*StartError], around
// ErrUnsafeDir, the constructor's own error or what was wrong with the socket or
// the configuration.
func (s *Shared[C, P]) Serve(ctx context.Context) error {
	if s.owner.invalid != nil {
		return s.owner.invalid
	}
	return s.owner.serve(ctx)
}

// served is set once Serve has begun to make this process a daemon.
var served atomic.Bool

func (c *client) serve(ctx context.Context) error {
	h, stage, err := c.newService()
	if err == nil {
		if stage, err = h.publish(); err != nil {
			h.abandon()
		}
	}
	if err != nil {
		if stage != StageConstructor && errors.Is(err, rundir.ErrUnsafe) {
			err = kindError{ErrUnsafeDir, err}
		}
		failure := c.startError(stage, err)
		if p, ok := err.(*PanicError); ok {
			failure.Stack = p.Stack
		}
		return failure
	}
	h.run(ctx)
	h.d.hangUp() // the process may live on
	return nil
}

// newService makes the object of a service and whatever clients need to reach
// it.
func (c *client) newService() (*host, Stage, error) {
	switch {
	case c.cfg.Scope != ScopeSystem:
		return nil, StageDirectory, fmt.Errorf("Serve is for ScopeSystem: with Config.Scope %q the first client starts the daemon; call Connect", c.cfg.Scope)
	case rundir.Getenv("LOOPGEN_MODE") != "":
		return nil, StageDirectory, errors.New("LOOPGEN_MODE is set, but a service does not keep its object to itself: unset it")
	case c.svc.New == nil:
		return nil, StageSpawn, errInitialising
	}
	guard, err := newAdmission(c.cfg.AllowUsers, c.cfg.AllowGroups)
	if err != nil {
		return nil, StageDirectory, err
	}
	at, err := c.base()
	if err != nil {
		return nil, StageDirectory, err
	}
	dir, err := openOwn(at.anchor, c.cfg.Name)
	if err != nil {
		return nil, StageDirectory, err
	}
	passed, err := activatedIn(dir)
	if err != nil {
		return nil, StageListen, err
	}
	if !served.CompareAndSwap(false, true) {
		return nil, StageDirectory, errors.New("this process serves, or has served, an object of ScopeSystem: start a process for each")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("pid", os.Getpid())
	h, stage, err := newHost(startRequest{
		Anchor: []byte(at.anchor), Name: []byte(c.cfg.Name), Scope: []byte(at.scope),
		Service: c.svc.Name, Args: c.args, Config: c.config, Parts: c.parts, Version: c.cfg.Version,
		IdleTTL: c.cfg.IdleTTL, OrphanTimeout: c.cfg.OrphanTimeout, StartTimeout: c.cfg.StartTimeout, Transport: TransportUnix,
	}, c.svc, dir, log)
	if err != nil {
		if passed != nil {
			passed.Close()
		}
		return nil, stage, err
	}
	h.meet, h.guard, h.passed = guard.meet, guard, passed
	return h, "", nil
}

// openOwn opens the directory of a service for the user who is to write there.
func openOwn(anchor, name string) (*rundir.Dir, error) {
	dir, err := rundir.OpenService(anchor, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: who starts the service makes the directory first (RuntimeDirectory=loopgen/%s in a unit of systemd)", err, name)
	}
	if err != nil {
		return nil, err
	}
	owner, err := dir.Owner()
	if err == nil && owner != os.Geteuid() {
		err = &rundir.UnsafeError{Path: dir.Path(), Problem: fmt.Sprintf("belongs to user %d, and this is user %d", owner, os.Geteuid()), Remedy: "run the service as the owner of its directory"}
	}
	return dir, err
}

// activatedIn returns the socket that the service manager has passed, which must
// be where clients look for it, or nil.
func activatedIn(dir *rundir.Dir) (*net.UnixListener, error) {
	path, err := dir.ServiceSocket()
	if err != nil {
		return nil, err
	}
	ln, err := activated()
	if ln == nil || err != nil {
		return nil, err
	}
	if at := ln.Addr().String(); at != path && !sameFile(at, path) {
		return nil, errors.Join(fmt.Errorf("the service manager listens on %s, where no client looks: set ListenStream=%s", at, path), ln.Close())
	}
	return ln, nil
}
