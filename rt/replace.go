package rt

import (
	"context"
	"fmt"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// replaceInterval is the least time between two replacements of a singleton's
// daemon. Versions grow, so that two clients never replace each other's; but older
// clients may start an old one again.
const replaceInterval = 10 * time.Second

// tooSoon says why no daemon may be replaced now, if one was a moment ago. A time
// that is yet to come tells of a clock that was set back, and of nothing else.
func tooSoon(last time.Time) error {
	if since := time.Since(last); since >= 0 && since < replaceInterval {
		return fmt.Errorf("the last one was replaced %v ago, and that is done at most once in %v",
			since.Round(time.Millisecond), replaceInterval)
	}
	return nil
}

// outdatedError is a daemon of an older version, or of an earlier build, that is to be
// replaced.
type outdatedError struct {
	endpoint *rundir.Endpoint
	rebuilt  bool // see client.replacesRebuilt
}

func (e *outdatedError) Error() string {
	if e.rebuilt {
		return fmt.Sprintf("process %d, of an earlier build, is to be replaced", e.endpoint.PID)
	}
	return fmt.Sprintf("process %d, of version %d, is to be replaced", e.endpoint.PID, e.endpoint.Version)
}

// notReplacedError is a daemon of an older version, or of an earlier build, that cannot be
// replaced just now.
type notReplacedError struct {
	version int
	rebuilt bool
	err     error
}

func (e *notReplacedError) Error() string {
	if e.rebuilt {
		return fmt.Sprintf("LOOPGEN_DEV did not replace it: %v", e.err)
	}
	return fmt.Sprintf("Config.OnMismatch did not replace version %d: %v", e.version, e.err)
}

// outdates reports whether this client replaces the daemon behind an endpoint.
func (c *client) outdates(e *rundir.Endpoint) bool {
	return c.cfg.OnMismatch.replaces() && e.Version < c.cfg.Version
}

// unreplaced adds to a mismatch with a daemon why it was not replaced, if the
// policy is to replace some.
func (c *client) unreplaced(err error, e *rundir.Endpoint, kept error) error {
	switch {
	case kept != nil:
		return fmt.Errorf("%w; %w", err, kept)
	case c.cfg.OnMismatch.replaces():
		return fmt.Errorf("%w; Config.OnMismatch does not replace version %d by version %d", err, e.Version, c.cfg.Version)
	}
	return err
}

// replace makes the daemon behind an endpoint leave, and returns nil when it has
// left. The error is a *notReplacedError if it stays.
//
// Only the leader replaces, and it leads until its own daemon serves: no client of
// the older version can start the old one again in between. Should it be killed
// meanwhile, the next one finds a daemon that is leaving, or none.
func (c *client) replace(ctx context.Context, p launcher, outdated *outdatedError) error {
	e, rebuilt := outdated.endpoint, outdated.rebuilt
	kept := func(err error) error { return &notReplacedError{e.Version, rebuilt, err} }
	ctx, cancel := c.startContext(ctx)
	defer cancel()
	conn, reader, welcome, err := c.greet(ctx, p, e)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	leaving := welcome.Code == wire.WelcomeDraining // whoever told it to
	if welcome.Code == wire.WelcomeIncompatible {
		return c.welcome(welcome)
	}
	if !leaving {
		err := p.mayStart() // or nobody would serve in the end
		if err == nil && !rebuilt {
			err = p.mayReplace()
		}
		if err != nil {
			return kept(err)
		}
		c.cfg.Logger.Debug("replacing a daemon", "name", cut.Name(c.cfg.Name), "pid", e.PID, "version", e.Version, "by", c.cfg.Version, "rebuilt", rebuilt)
	}
	body, err := wire.Marshal(wire.Shutdown{Idle: !rebuilt && c.cfg.OnMismatch == MismatchReplaceIdle})
	if err == nil {
		err = write(conn, wire.Frame{Kind: wire.KindShutdown, ID: 1, Body: body})
	}
	for err == nil {
		var f wire.Frame
		switch f, err = reader.Next(); {
		case err != nil:
		case f.Kind == wire.KindError:
			return kept(readFailure(f.Body).err)
		case f.Kind == wire.KindGoingAway:
			leaving = true
			if rebuilt {
				settle(p)
			} else {
				p.replaced()
			}
		}
	}
	if !leaving {
		return gone(err)
	}
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		if alive, err := p.alive(); err != nil {
			return c.directoryError(err)
		} else if !alive {
			return nil
		}
		if !sock.Pause(ctx, wait) {
			return c.givenUp(ctx, ErrDraining)
		}
	}
}
