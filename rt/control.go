package rt

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// consult opens a connection of its own to the running daemon, whatever its
// schema or configuration, and hands it to talk; when that loses it, it tries
// again. The error is a *StartError: ErrNotRunning when no daemon lives, one of
// Connect's when it cannot be reached, or the context's.
func (c *client) consult(ctx context.Context, talk func(*rundir.Endpoint, net.Conn, *wire.Reader) error) error {
	p, err := c.findLauncher()
	if err != nil {
		return err
	}
	if err := p.checkClient(); errors.Is(err, ErrReentrant) {
		return c.startError(StageConnect, err)
	}
	patient, cancel := c.startContext(ctx)
	defer cancel()
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		err := c.talk(ctx, p, talk)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return c.startError(StageConnect, ctx.Err())
		case !transient(err):
			return err
		}
		if alive, aerr := c.alive(p); aerr != nil {
			return aerr
		} else if !alive {
			return c.startError(StageConnect, ErrNotRunning)
		}
		if err = c.waitFor(p, err); !transient(err) {
			return err
		}
		if !sock.Pause(patient, wait) {
			return c.givenUp(patient, err)
		}
	}
}

// talk is one try of consult.
func (c *client) talk(ctx context.Context, p launcher, talk func(*rundir.Endpoint, net.Conn, *wire.Reader) error) error {
	e, err := c.find(p)
	if err != nil {
		return err
	}
	conn, reader, welcome, err := c.greet(ctx, p, e)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if welcome.Code == wire.WelcomeIncompatible || welcome.Code == wire.WelcomeNotAllowed {
		return c.welcome(welcome)
	}
	return gone(talk(e, conn, reader))
}

// alive reports whether a daemon lives. When that cannot be told, since
// somebody else may be about to start one, it says yes.
func (c *client) alive(p launcher) (bool, error) {
	release, leads, err := p.tryStartLock()
	if err != nil {
		return false, c.directoryError(err)
	}
	if !leads {
		return true, nil
	}
	defer release()
	alive, err := p.alive()
	if err != nil {
		return false, c.directoryError(err)
	}
	return alive, nil
}

// status asks the daemon about itself.
func (c *client) status(ctx context.Context) (Status, error) {
	var s Status
	err := c.consult(ctx, func(_ *rundir.Endpoint, conn net.Conn, r *wire.Reader) error {
		if err := write(conn, wire.Frame{Kind: wire.KindStatus, ID: 1}); err != nil {
			return err
		}
		for {
			f, err := r.Next()
			if err != nil {
				return err
			}
			switch f.Kind {
			case wire.KindReply:
				if err := wire.UnmarshalOpen(f.Body, &s); err != nil {
					return c.startError(StageConnect, fmt.Errorf("decode the status: %w", err))
				}
				return nil
			case wire.KindError:
				return c.startError(StageConnect, readFailure(f.Body).err)
			}
		}
	})
	return s, err
}

// shutdown asks the daemon to leave and waits until its process is gone, which
// the end of the connection announces and the lifetime lock proves. A daemon
// that is not there is no error, and a successor is left alone.
func (c *client) shutdown(ctx context.Context, mode ShutdownMode) error {
	body, err := wire.Marshal(wire.Shutdown{Now: mode == ShutdownNow})
	if err != nil {
		return err
	}
	var asked string // the incarnation
	successor := false
	for !successor && err == nil {
		err = c.consult(ctx, func(e *rundir.Endpoint, conn net.Conn, r *wire.Reader) error {
			if asked == "" {
				asked = e.Incarnation
			}
			if successor = e.Incarnation != asked; successor {
				return nil
			}
			if err := write(conn, wire.Frame{Kind: wire.KindShutdown, ID: 1, Body: body}); err != nil {
				return err
			}
			for { // the end is expected; whether it is that of the process is asked next
				f, err := r.Next()
				if err != nil {
					return nil
				}
				if f.Kind == wire.KindError {
					return c.startError(StageConnect, readFailure(f.Body).err)
				}
			}
		})
	}
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if asked != "" && mode == ShutdownDrain && ctx.Err() != nil {
		return c.startError(StageConnect, waitedFor(ErrDraining, ctx.Err()))
	}
	return err
}

func write(conn net.Conn, f wire.Frame) error {
	frame, err := f.Append(nil)
	if err != nil {
		return err
	}
	_, err = conn.Write(frame)
	return err
}
