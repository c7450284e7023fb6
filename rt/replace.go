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

// replaceInterval is the least time between two replacements of a singleton's daemon. Only
// a newer version replaces an older one, so two clients never replace each other's
// daemons. But an older client may start an old daemon again.
const replaceInterval = 10 * time.Second

// tooSoon returns an error if the last replacement was less than replaceInterval ago. A
// time in the future means only that the clock was set back.
func tooSoon(last time.Time) error {
	if since := time.Since(last); since >= 0 && since < replaceInterval {
		return fmt.Errorf("the last one was replaced %v ago, and that is done at most once in %v",
			since.Round(time.Millisecond), replaceInterval)
	}
	return nil
}

// outdatedError says that the daemon has an older version or an earlier build, and that
// this client replaces it.
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

// notReplacedError says why an outdated daemon was not replaced.
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

// replacesVersion reports whether this client replaces the daemon of an endpoint for its
// older version.
func (c *client) replacesVersion(e *rundir.Endpoint) bool {
	return c.cfg.OnMismatch.replaces() && e.Version < c.cfg.Version
}

// withNotReplaced adds to err, a mismatch with a daemon, why the daemon was not replaced.
// It adds nothing if Config.OnMismatch replaces no daemon.
func (c *client) withNotReplaced(err error, e *rundir.Endpoint, notReplaced error) error {
	switch {
	case notReplaced != nil:
		return fmt.Errorf("%w; %w", err, notReplaced)
	case c.cfg.OnMismatch.replaces():
		return fmt.Errorf("%w; Config.OnMismatch does not replace version %d by version %d", err, e.Version, c.cfg.Version)
	}
	return err
}

// replace shuts down the daemon of an endpoint, and returns nil when the daemon has exited.
// The error is a *notReplacedError if the daemon continues to serve.
//
// The caller holds the start lock until its own daemon serves. So no client of the older
// version can start an old daemon in between. If the caller is killed meanwhile, the next
// holder of the lock finds a draining daemon, or none.
func (c *client) replace(ctx context.Context, p launcher, outdated *outdatedError) error {
	e, rebuilt := outdated.endpoint, outdated.rebuilt
	notReplaced := func(err error) error { return &notReplacedError{e.Version, rebuilt, err} }
	ctx, cancel := c.startContext(ctx)
	defer cancel()
	conn, reader, welcome, err := c.greet(ctx, p, e)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	draining := welcome.Code == wire.WelcomeDraining // perhaps because of another client
	if welcome.Code == wire.WelcomeIncompatible {
		return c.welcomeError(welcome)
	}
	if !draining {
		err := p.mayStart() // else no daemon would serve after the replacement
		if err == nil && !rebuilt {
			err = p.mayReplace()
		}
		if err != nil {
			return notReplaced(err)
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
			return notReplaced(readFailure(f.Body).err)
		case f.Kind == wire.KindGoingAway:
			draining = true
			if rebuilt {
				acceptBuild(p)
			} else {
				p.replaced()
			}
		}
	}
	if !draining {
		return connectionLost(err)
	}
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		if alive, err := p.alive(); err != nil {
			return c.directoryError(err)
		} else if !alive {
			return nil
		}
		if !sock.Pause(ctx, wait) {
			return c.waitError(ctx, ErrDraining)
		}
	}
}

// A program that is edited and run again finds the daemon of the earlier build, which
// still runs the old code. A client built by go run, or with LOOPGEN_DEV=1, compares its
// program with the daemon's. Other clients do not: they expect an old daemon, and a newer
// release replaces it with Config.OnMismatch.

// rebuilt compares this client's program with the program of the daemon of an endpoint.
// It reports whether they are different builds of one main package, and whether the
// daemon's build is the older one.
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

// The keys of both are paths of daemons' directories.
var (
	// acceptedBuilds has the directories where this process no longer replaces a daemon
	// for its earlier build, because it has connected to one or replaced one there. So
	// each process replaces at most one daemon, and a client that reconnects replaces
	// none. When two builds run, their daemons cannot replace each other in turn.
	acceptedBuilds sync.Map
	// reportedBuilds has the directories for which reportRebuilt has printed its message.
	reportedBuilds sync.Map
)

// replacesRebuilt reports whether this client replaces the daemon of an endpoint for its
// earlier build.
func (c *client) replacesRebuilt(p launcher, e *rundir.Endpoint) bool {
	if _, older := c.rebuilt(e); !older || !self.DevRequested() || c.cfg.Scope == ScopeSystem {
		return false
	}
	_, accepted := acceptedBuilds.Load(p.identity().dir)
	return !accepted
}

// acceptBuild keeps this process from replacing a daemon of p for its earlier build.
func acceptBuild(p launcher) {
	if self.Developing() {
		acceptedBuilds.Store(p.identity().dir, nil)
	}
}

// reportRebuilt prints to standard error, once, that the daemon of an endpoint is another
// build of this program.
func (c *client) reportRebuilt(p launcher, e *rundir.Endpoint, notReplaced error) {
	different, older := c.rebuilt(e)
	if !different {
		return
	}
	if _, reported := reportedBuilds.LoadOrStore(p.identity().dir, nil); !reported {
		fmt.Fprintln(os.Stderr, "loopgen:", c.rebuiltError(e, older, notReplaced))
	}
}

func (c *client) rebuiltError(e *rundir.Endpoint, older bool, notReplaced error) error {
	name := cut.Name(c.cfg.Name)
	switch {
	case c.cfg.Scope == ScopeSystem:
		return fmt.Errorf("the service %s (pid %d) runs another build of this program; restart it with the build that is meant (as in: systemctl restart %[1]s)", name, e.PID)
	case !older:
		return fmt.Errorf("the daemon of %q (pid %d) runs a newer build of this program; build and start the program again, or end process %[2]d", name, e.PID)
	case notReplaced != nil:
		return fmt.Errorf("the daemon of %q (pid %d) runs an older build of this program: %w", name, e.PID, notReplaced)
	}
	remedy := "set LOOPGEN_DEV=1 and start the program again to replace it"
	if self.DevRequested() {
		remedy = "start the program again to replace it, which a process does only when it first connects"
	}
	return fmt.Errorf("the daemon of %q (pid %d) runs an older build of this program; %s, or end process %[2]d", name, e.PID, remedy)
}
