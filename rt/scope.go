package rt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/internal/sock"
)

// Scope says which processes share an object. It determines a base directory: processes
// that find the same base directory share.
type Scope string

const (
	// ScopeUser shares between all processes of a user on a host.
	ScopeUser Scope = "user"

	// ScopeSession shares between the processes of one login of a user, such as one
	// connection of ssh. On Linux the login is the audit session, which every process
	// inherits from the login, or the variable XDG_SESSION_ID where there is no audit
	// session. On Windows it is the session of the process, and elsewhere
	// XDG_SESSION_ID. Programs that the user's own service manager starts, as most
	// programs of a desktop, belong to the manager's session. A process that belongs to
	// no session cannot connect.
	//
	// The daemon exits when it is idle, and not at the logout. In a daemon of this
	// scope, ScopeSession is the session that it serves. A daemon of another scope
	// belongs to the session of the client that started it, and only if the kernel
	// reports that session.
	ScopeSession Scope = "session"

	// ScopeProject shares between the processes of a user that work in one source tree.
	// The tree's root is the nearest directory, from the working directory at the time
	// of ShareT upwards, that has a file go.mod or is the root of a repository (.git,
	// .hg, .jj, .svn, .bzr). Symbolic links are resolved. Nothing is written there.
	// Without such a directory the process cannot connect.
	//
	// A daemon's working directory is /. In a daemon of this scope, ScopeProject is the
	// project that it serves. In other daemons it is an error.
	ScopeProject Scope = "project"

	// ScopeSystem shares between the users of a machine that [Config.AllowUsers] and
	// AllowGroups admit. The daemon is a service: the service manager starts a program
	// that calls Serve, and clients only connect. The program runs as the owner of the
	// directory /run/loopgen/<Config.Name>, which the service manager makes and no
	// other user may write to. Config.Name is a word of at most 64 lower-case letters,
	// digits, dots, hyphens and underscores. ScopeSystem needs Unix sockets and a
	// kernel that reports the user of a socket's peer: Linux, macOS and FreeBSD. See
	// the package documentation.
	ScopeSystem Scope = "system"
)

// scopeDir precedes the directory in a Scope made by ScopeDir.
const scopeDir = "dir:"

// ScopeDir shares between the processes of a user that name the same directory. path
// must be absolute; otherwise Connect fails. A missing directory is made, with mode
// 0700.
func ScopeDir(path string) Scope { return Scope(scopeDir + path) }

// check returns an error if s is not usable on this system.
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

// directory returns the directory in s, or "" if s names none.
func (s Scope) directory() string {
	if dir, ok := strings.CutPrefix(string(s), scopeDir); ok {
		return dir
	}
	return ""
}

// workingDir is the working directory when a Shared with ScopeProject was made.
type workingDir struct {
	path string
	err  error
}

// note records the working directory if s needs it.
func (w *workingDir) note(s Scope) {
	if s == ScopeProject {
		w.path, w.err = os.Getwd()
	}
}

// project returns the root of the project that contains the working directory.
func (w *workingDir) project() (string, error) {
	if w.err != nil {
		return "", fmt.Errorf("looking for the project (ScopeProject): %w", w.err)
	}
	return rundir.Project(w.path)
}

// baseDir is the base directory of a scope.
type baseDir struct {
	path  string
	scope string // the scope with its session or project: see scopeOf
}

// base returns the base directory of the client's scope. Once found, it stays the same
// for the life of the Shared.
func (c *client) base() (baseDir, error) {
	if known := c.baseDir.Load(); known != nil {
		return *known, nil
	}
	found, err := c.findBase()
	if err != nil {
		return baseDir{}, err
	}
	c.baseDir.Store(&found)
	return found, nil
}

func (c *client) findBase() (baseDir, error) {
	scope := c.cfg.Scope
	if own := self.Serving.Load(); own != nil && kindOf(own.Scope) == scope {
		return baseDir{own.Base, own.Scope}, nil
	}
	if scope == ScopeSystem {
		path, err := rundir.ServiceBaseDir()
		return baseDir{path, scopeOf(scope, "")}, err
	}
	path, err := rundir.BaseDir(scope.directory())
	if err != nil {
		return baseDir{}, err
	}
	switch scope {
	case ScopeSession:
		id, err := rundir.Session()
		if err != nil {
			return baseDir{}, err
		}
		return baseDir{rundir.SessionBaseDir(path, id), scopeOf(scope, id)}, nil
	case ScopeProject:
		root, err := c.workingDir.project()
		if err != nil {
			return baseDir{}, err
		}
		return baseDir{rundir.ProjectBaseDir(path, root), scopeOf(scope, root)}, nil
	}
	return baseDir{path, scopeOf(scope, "")}, nil
}
