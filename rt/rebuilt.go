package rt

import (
	"fmt"
	"os"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
)

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
