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

// The name of a directory is a hash, and directories can be copied and moved. So a
// client compares what the endpoint says of its singleton with what the client
// means, before it uses the endpoint for anything.

// identity is what the endpoint of a singleton says of it, besides its name and
// the type.
type identity struct {
	scope string // Scope in full: see scopeOf
	dir   string // the path of its directory; empty: there is none
}

// scopeOf returns a scope as the endpoint has it. Sessions and projects share a
// base directory, so theirs includes the session's id or the project's root.
func scopeOf(scope Scope, within string) string {
	if within == "" {
		return string(scope)
	}
	return string(scope) + ":" + within
}

// kindOf returns the scope of which scopeOf made text.
func kindOf(text string) Scope {
	for _, s := range []Scope{ScopeSession, ScopeProject} {
		if strings.HasPrefix(text, string(s)+":") {
			return s
		}
	}
	return Scope(text)
}

// sameScope reports whether two scopes in full can mean one singleton. ScopeUser
// and ScopeDir name base directories, and different names may lead to one; the
// directory itself tells those apart.
func sameScope(a, b string) bool {
	direct := func(s string) bool { return s == string(ScopeUser) || strings.HasPrefix(s, scopeDir) }
	return a == b || direct(a) && direct(b)
}

// copied reports whether an endpoint found in the directory ours was written
// for another one. The directory may be mounted in two places, so a path that
// cannot be examined proves nothing; one that was written in another mount
// namespace does not even when it can.
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
	incarnation string // of the other one's daemon
	certain     bool   // the daemon of this directory does not replace it in a moment
	text        string
}

func (e *foreignError) Error() string        { return fmt.Sprintf("%v: %s", ErrIncompatible, e.text) }
func (e *foreignError) Is(target error) bool { return target == ErrIncompatible }

// find returns the endpoint of this client's singleton. The error is a
// *foreignError if what the place has is another one's.
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

// foreignTime is how long a foreign endpoint may lie in the directory of a daemon
// that lives: the daemon looks once a second and publishes its own again.
const foreignTime = 1500 * time.Millisecond

// sighting is the foreign endpoint that was found last.
type sighting struct {
	incarnation string
	since       time.Time
}

// refuse returns a *StartError when a foreign endpoint will not go away by itself,
// else err, which is transient. A daemon lives in the directory.
func (c *client) refuse(err *foreignError) error {
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
