package rt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/internal/sock"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// Scope says between whom an object is shared. All that follows from it is a
// base directory: who finds the same one shares.
type Scope string

const (
	// ScopeUser shares between all processes of a user on a host.
	ScopeUser Scope = "user"

	// ScopeSession shares between the processes of one login of a user, such as
	// one connection of ssh. On Linux that is the audit session, which the kernel
	// hands down from the login to every process, and where there is none the
	// variable XDG_SESSION_ID; on Windows it is the session of the process, and
	// elsewhere that variable. What the user's own service manager starts, as most
	// programs of a desktop, is in a session of its own by that rule: that of the
	// manager. A process that belongs to no session cannot connect.
	//
	// The daemon leaves when it is idle, as ever, even after the logout. In a
	// daemon of this scope, ScopeSession is its own session. One of another
	// scope belongs to that of the client that started it, by the kernel only.
	ScopeSession Scope = "session"

	// ScopeProject shares between the processes of a user that work in one
	// source tree: the nearest directory, from the working directory at the time
	// of NewShared (which is to say of ShareT) upwards, that holds a file go.mod
	// or is the root of a repository (.git, .hg, .jj, .svn, .bzr), with symbolic
	// links resolved. Nothing is put there. Without such a directory the process
	// cannot connect.
	//
	// A daemon's working directory is /. In one of this scope, ScopeProject is
	// its own project; in others it is an error.
	ScopeProject Scope = "project"

	// ScopeSystem shares between users of a machine: all that [Config.AllowUsers]
	// and AllowGroups admit. The daemon is a service: the service manager starts
	// a program that calls Serve, as the owner of the directory
	// /run/loopgen/<Config.Name>, which it has made, and which nobody else may
	// write to. Clients only attach. Config.Name is a plain word of at most 64
	// lower-case letters, digits, dots, hyphens and underscores. It is for Unix
	// sockets, and for systems that tell the user of a socket's peer: Linux, macOS
	// and FreeBSD. See the package documentation.
	ScopeSystem Scope = "system"
)

// scopeDir precedes the directory in a Scope made by ScopeDir.
const scopeDir = "dir:"

// ScopeDir shares between the processes of a user that name the same
// directory, an absolute path. It is made, for its owner only, if missing.
func ScopeDir(path string) Scope { return Scope(scopeDir + path) }

// check returns what is wrong with a scope wherever it is used.
func (s Scope) check() error {
	switch s {
	case ScopeUser, ScopeSession, ScopeProject:
		return nil
	case ScopeSystem:
		if !sock.KnowsPeers {
			return errors.New("ScopeSystem needs a system that tells the user of a socket's peer: use another scope here")
		}
		return nil
	}
	switch dir := s.directory(); {
	case dir == "":
		return fmt.Errorf("unknown Config.Scope %q: use ScopeUser, ScopeSession, ScopeProject, ScopeSystem or ScopeDir", s)
	case !filepath.IsAbs(dir):
		return fmt.Errorf("relative path in ScopeDir(%q): give an absolute one", dir)
	}
	return nil
}

// directory returns the directory that the scope names, empty if it names none.
func (s Scope) directory() string {
	if dir, ok := strings.CutPrefix(string(s), scopeDir); ok {
		return dir
	}
	return ""
}

// workplace is the working directory when a Shared with ScopeProject was made.
type workplace struct {
	dir string
	err error
}

// note asks for the working directory if s is going to need it.
func (w *workplace) note(s Scope) {
	if s == ScopeProject {
		w.dir, w.err = os.Getwd()
	}
}

// project returns the root of the project there.
func (w *workplace) project() (string, error) {
	if w.err != nil {
		return "", fmt.Errorf("looking for the project (ScopeProject): %w", w.err)
	}
	return rundir.Project(w.dir)
}

// site is what a scope stands for.
type site struct {
	base  string // the base directory
	scope string // in full: see scopeOf
}

// base returns what the scope stands for. What was found once holds as long as
// the Shared.
func (c *client) base() (site, error) {
	if known := c.site.Load(); known != nil {
		return *known, nil
	}
	found, err := c.findBase()
	if err != nil {
		return site{}, err
	}
	c.site.Store(&found)
	return found, nil
}

func (c *client) findBase() (site, error) {
	scope := c.cfg.Scope
	if own := self.Serving.Load(); own != nil && kindOf(own.Scope) == scope {
		return site{base: own.Base, scope: own.Scope}, nil
	}
	if scope == ScopeSystem {
		anchor, err := rundir.ServiceAnchor()
		return site{anchor, scopeOf(scope, "")}, err
	}
	anchor, err := rundir.Anchor(scope.directory())
	if err != nil {
		return site{}, err
	}
	switch scope {
	case ScopeSession:
		id, err := rundir.Session()
		if err != nil {
			return site{}, err
		}
		return site{rundir.SessionAnchor(anchor, id), scopeOf(scope, id)}, nil
	case ScopeProject:
		root, err := c.workplace.project()
		if err != nil {
			return site{}, err
		}
		return site{rundir.ProjectAnchor(anchor, root), scopeOf(scope, root)}, nil
	}
	return site{anchor, scopeOf(scope, "")}, nil
}
