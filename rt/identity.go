package rt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// The name of a directory is a hash, and directories can be copied and moved. So a client
// compares the singleton that the endpoint names with its own singleton before it uses
// the endpoint for anything.

// identity identifies a singleton in its endpoint, besides its name and its type.
type identity struct {
	scope string // in full: see scopeOf
	dir   string // path of the singleton's directory; empty: none
}

// scopeOf returns a scope in full, as the endpoint has it. Login sessions share a base
// directory, and so do projects. So their scopes include the id of the login session or
// the root of the project.
func scopeOf(scope Scope, within string) string {
	if within == "" {
		return string(scope)
	}
	return string(scope) + ":" + within
}

// kindOf returns the Scope for which scopeOf returned text.
func kindOf(text string) Scope {
	for _, s := range []Scope{ScopeSession, ScopeProject} {
		if strings.HasPrefix(text, string(s)+":") {
			return s
		}
	}
	return Scope(text)
}

// sameScope reports whether two scopes in full can name one singleton. ScopeUser and
// ScopeDir name base directories, and different names may lead to one directory. For
// these the path of the directory decides.
func sameScope(a, b string) bool {
	direct := func(s string) bool { return s == string(ScopeUser) || strings.HasPrefix(s, scopeDir) }
	return a == b || direct(a) && direct(b)
}

// copied reports whether an endpoint found in the directory ours was written for another
// directory. A directory may be mounted at two paths. So a path that cannot be examined
// proves nothing, and nor does a path that was written in another mount namespace.
func copied(ours string, e *rundir.Endpoint) bool {
	theirs := e.Directory
	if ours == "" || theirs == "" || ours == theirs {
		return false
	}
	if filepath.Base(ours) != filepath.Base(theirs) {
		return true
	}
	if foreign, decided := rundir.Copied(ours, e); decided {
		return foreign
	}
	_, err := os.Stat(theirs)
	return err == nil && !rundir.SamePath(ours, theirs)
}

// foreignError says that the endpoint belongs to another singleton.
type foreignError struct {
	incarnation string // of the other singleton's daemon
	certain     bool   // the daemon of this directory will not publish its own again
	text        string
}

func (e *foreignError) Error() string        { return fmt.Sprintf("%v: %s", ErrIncompatible, e.text) }
func (e *foreignError) Is(target error) bool { return target == ErrIncompatible }

// find returns the endpoint of this client's singleton. The error is a *foreignError if
// the launcher has the endpoint of another singleton.
func (c *client) find(p launcher) (*rundir.Endpoint, error) {
	e, err := p.endpoint()
	if err != nil {
		return nil, err
	}
	if err := c.identify(e, p.identity()); err != nil {
		return nil, err
	}
	return e, nil
}

// identify returns a *foreignError if an endpoint belongs to another singleton than the
// client's, whose identity is ours.
func (c *client) identify(e *rundir.Endpoint, ours identity) error {
	foreign := func(certain bool, format string, args ...any) error {
		return &foreignError{e.Incarnation, certain, fmt.Sprintf(format, args...)}
	}
	where := "here"
	if ours.dir != "" {
		where = "in " + ours.dir
	}
	switch {
	case e.Name != c.cfg.Name:
		return foreign(false, "the daemon %s (pid %d) is that of the name %q, not of %q: choose another Config.Name", where, e.PID, cut.Name(e.Name), cut.Name(c.cfg.Name))
	case !sameScope(e.Scope, ours.scope):
		return foreign(false, "the daemon named %q %s (pid %d) is that of the scope %q, not of %q: choose another Config.Name", cut.Name(e.Name), where, e.PID, e.Scope, ours.scope)
	case copied(ours.dir, e):
		return foreign(false, "the daemon named %q (pid %d) belongs to the directory %s, and its endpoint is in %s: remove this endpoint, or choose another Config.Name", cut.Name(e.Name), e.PID, e.Directory, ours.dir)
	case e.Service != c.svc.Name:
		return foreign(true, "the daemon named %q (pid %d) serves %s: choose another Config.Name", cut.Name(c.cfg.Name), e.PID, cut.Name(e.Service))
	}
	return nil
}

// foreignTime is how long a foreign endpoint may be in the directory of a living daemon.
// The daemon checks once a second and publishes its own endpoint again.
const foreignTime = 1500 * time.Millisecond

// sighting is the foreign endpoint that the client found last.
type sighting struct {
	incarnation string
	since       time.Time
}

// foreignOrWait returns a *StartError if a living daemon will not replace the foreign
// endpoint in its directory, and otherwise err, which is transient.
func (c *client) foreignOrWait(err *foreignError) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.foreign.incarnation != err.incarnation {
		c.foreign = sighting{err.incarnation, time.Now()}
	}
	if err.certain || time.Since(c.foreign.since) > foreignTime {
		return c.startError(StageConnect, err)
	}
	return err
}
