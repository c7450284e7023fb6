package rt

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/loopgen/loopgen/rt/internal/control"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// control opens a separate connection to the running daemon, of any schema and
// configuration, and calls exchange with it. It retries when the connection is lost. The
// error is a *StartError: it wraps ErrNotRunning when no daemon lives, an error as from
// Connect when the daemon cannot be reached, or the context's error.
func (c *client) control(ctx context.Context, exchange func(*rundir.Endpoint, net.Conn, *wire.Reader) error) error {
	p, err := c.findLauncher()
	if err != nil {
		return err
	}
	if err := p.checkClient(); errors.Is(err, ErrReentrant) {
		return c.startError(StageConnect, err)
	}
	bounded, cancel := c.startContext(ctx)
	defer cancel()
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		err := c.controlOnce(ctx, p, exchange)
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
		if err = c.liveError(p, err); !transient(err) {
			return err
		}
		if !sock.Pause(bounded, wait) {
			return c.waitError(bounded, err)
		}
	}
}

// controlOnce is one try of control.
func (c *client) controlOnce(ctx context.Context, p launcher, exchange func(*rundir.Endpoint, net.Conn, *wire.Reader) error) error {
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
		return c.welcomeError(welcome)
	}
	return connectionLost(exchange(e, conn, reader))
}

// alive reports whether a daemon lives. It returns true if another process holds the
// start lock, since that process may be about to start one.
func (c *client) alive(p launcher) (bool, error) {
	release, locked, err := p.tryStartLock()
	if err != nil {
		return false, c.directoryError(err)
	}
	if !locked {
		return true, nil
	}
	defer release()
	alive, err := p.alive()
	if err != nil {
		return false, c.directoryError(err)
	}
	return alive, nil
}

// status requests the daemon's Status.
func (c *client) status(ctx context.Context) (Status, error) {
	var s Status
	err := c.control(ctx, func(_ *rundir.Endpoint, conn net.Conn, r *wire.Reader) error {
		answer, err := control.Ask(conn, r, wire.Frame{Kind: wire.KindStatus, ID: 1})
		if err != nil {
			return err
		}
		if answer.Kind == wire.KindError {
			return c.startError(StageConnect, readFailure(answer.Body).err)
		}
		if err := wire.UnmarshalOpen(answer.Body, &s); err != nil {
			return c.startError(StageConnect, fmt.Errorf("decode the status: %w", err))
		}
		return nil
	})
	return s, err
}

// shutdown asks the daemon to shut down and waits until its process has ended. The end of
// the connection announces that, and the daemon lock proves it. It is no error if no
// daemon lives. A later daemon of the singleton is not shut down.
func (c *client) shutdown(ctx context.Context, mode ShutdownMode) error {
	body, err := wire.Marshal(wire.Shutdown{Now: mode == ShutdownNow})
	if err != nil {
		return err
	}
	var asked string // incarnation of the daemon that was asked
	successor := false
	for !successor && err == nil {
		err = c.control(ctx, func(e *rundir.Endpoint, conn net.Conn, r *wire.Reader) error {
			if asked == "" {
				asked = e.Incarnation
			}
			if successor = e.Incarnation != asked; successor {
				return nil
			}
			answer, err := control.Ask(conn, r, wire.Frame{Kind: wire.KindShutdown, ID: 1, Body: body})
			if err == nil && answer.Kind == wire.KindError {
				return c.startError(StageConnect, readFailure(answer.Body).err)
			}
			return nil // the connection has ended; the outer loop checks whether the daemon lives
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
