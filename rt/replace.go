package rt

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
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

// A program that is edited and run again finds the daemon of the build before, which
// goes on with the old code. A client that go run has built, or with LOOPGEN_DEV=1,
// compares its program with the daemon's. Other clients do not: an old daemon is what
// they expect, and a newer release asks for its own with Config.OnMismatch.

// rebuilt compares this client's program with that of the daemon behind an endpoint.
// It reports whether they are different builds of one main package, and whether the
// daemon's is the older one.
func (c *client) rebuilt(e *rundir.Endpoint) (different, older bool) {
	if e.Program.Main == "" || !self.Developing() || len(c.cfg.Command) > 0 {
		return false, false // with Config.Command the daemon's program is not this one
	}
	ours, err := self.Program()
	if err != nil || ours.Main != e.Program.Main || ours.Same(process.Program(e.Program)) {
		return false, false
	}
	return true, e.Program.Modified.Before(ours.Modified)
}

// Both are keyed by the path of the daemon's directory.
var (
	// settled has the daemons that this process no longer replaces for being of an
	// earlier build, since it has connected to one there or has replaced one. So each
	// process replaces at most one, and a client that reconnects replaces none: when two
	// builds run, the older one cannot take turns with the newer one.
	settled sync.Map
	// announced has the daemons of which announce has spoken.
	announced sync.Map
)

// replacesRebuilt reports whether this client replaces the daemon behind an endpoint
// for being of an earlier build.
func (c *client) replacesRebuilt(p launcher, e *rundir.Endpoint) bool {
	if _, older := c.rebuilt(e); !older || !self.DevRequested() || c.cfg.Scope == ScopeSystem {
		return false
	}
	_, late := settled.Load(p.identity().dir)
	return !late
}

// settle keeps this process from replacing daemons at p that are of an earlier build.
func settle(p launcher) {
	if self.Developing() {
		settled.Store(p.identity().dir, nil)
	}
}

// announce says on standard error, once, that the daemon behind an endpoint is of
// another build than this client.
func (c *client) announce(p launcher, e *rundir.Endpoint, kept error) {
	different, older := c.rebuilt(e)
	if !different {
		return
	}
	if _, again := announced.LoadOrStore(p.identity().dir, nil); !again {
		fmt.Fprintln(os.Stderr, "loopgen:", c.rebuiltError(e, older, kept))
	}
}

func (c *client) rebuiltError(e *rundir.Endpoint, older bool, kept error) error {
	name := cut.Name(c.cfg.Name)
	switch {
	case c.cfg.Scope == ScopeSystem:
		return fmt.Errorf("the service %s (pid %d) runs another build of this program; restart it with the build that is meant (as in: systemctl restart %[1]s)", name, e.PID)
	case !older:
		return fmt.Errorf("the daemon of %q (pid %d) runs a newer build of this program; build and start the program again, or end process %[2]d", name, e.PID)
	case kept != nil:
		return fmt.Errorf("the daemon of %q (pid %d) runs an older build of this program: %w", name, e.PID, kept)
	}
	remedy := "set LOOPGEN_DEV=1 and start the program again to replace it"
	if self.DevRequested() {
		remedy = "start the program again to replace it, which a process does only when it first connects"
	}
	return fmt.Errorf("the daemon of %q (pid %d) runs an older build of this program; %s, or end process %[2]d", name, e.PID, remedy)
}
