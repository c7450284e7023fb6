package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/control"
	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// State says whether a daemon runs.
type State string

// The states of a daemon.
const (
	Running  State = "running"  // it has published its endpoint and holds its lock
	Starting State = "starting" // a process holds the lock, and no endpoint is published: it starts, or has almost exited
	Exited   State = "exited"   // the daemon has exited
	Killed   State = "killed"   // the process has ended without an exit of the daemon
)

// Daemon is the daemon of one singleton, or the last one that it had. The fields have what
// the singleton's directory says; they do not change. Its methods may be called
// concurrently.
type Daemon struct {
	Name    string // Config.Name; that of the directory if no file has the name
	Service string // the import path and name of the type; empty if not known
	Scope   string // the scope, for ScopeSession and ScopeProject with a colon and the session or the project's root
	PID     int    // the process; 0 if not known
	State   State
	Dir     string    // the directory of the singleton
	Log     string    // path of the log; empty for ScopeSystem, or if not known
	Version int       // Config.Version of the client that started the daemon
	Changed time.Time // when a file of the directory was last made, renamed or removed
	Problem string    // why Service and the other fields are not known, if not because the files are missing
	Methods []Method  `json:",omitempty"`

	dir      *rundir.Dir
	foreign  bool             // found by a process, and not in a base directory
	endpoint *rundir.Endpoint // nil if not known
}

// Method is a method of the daemon's version of the type. Signature is empty if the
// endpoint file had no room for it.
type Method struct {
	Name, Signature string
}

// Where says which daemons List returns. The zero value means all.
type Where struct {
	// Dir is the base directory, as LOOPGEN_DIR or ScopeDir name it, or the directory of
	// one singleton. If it is empty, List looks in the base directory of this environment
	// and in that of ScopeSystem. On Linux it also finds the running daemons of this user
	// in all other directories.
	Dir string
	// Scope is user, session, project, dir or system. If it is empty, all scopes count.
	Scope string
}

// scopes are the values of Where.Scope.
var scopes = []string{"user", "session", "project", "dir", "system"}

// Check returns an error if a field has an invalid value.
func (w Where) Check() error {
	if w.Scope != "" && !slices.Contains(scopes, w.Scope) {
		return fmt.Errorf("unknown scope %q: give one of %s", w.Scope, strings.Join(scopes, ", "))
	}
	return nil
}

// bases returns the base directories.
func (w Where) bases() ([]string, error) {
	if w.Dir != "" {
		dir, err := filepath.Abs(w.Dir)
		if err == nil {
			_, err = os.Stat(dir)
		}
		if err != nil {
			return nil, fmt.Errorf("look for daemons: %w", err)
		}
		return []string{dir}, nil
	}
	user, err := rundir.BaseDir("")
	service, serr := rundir.ServiceBaseDir()
	bases := []string{user, service}
	bases = slices.DeleteFunc(slices.Compact(bases), func(dir string) bool { return dir == "" })
	return bases, errors.Join(err, serr)
}

// List returns the daemons that run and, for singletons without one, the last daemon. They
// are sorted by name. The error joins those of directories that cannot be read; the other
// daemons are returned with it. List may be called concurrently.
func List(w Where) ([]*Daemon, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	bases, err := w.bases()
	errs := []error{err}
	var dirs []*rundir.Dir
	for _, base := range bases {
		if one := rundir.At(base); w.Dir != "" && one.Used() {
			dirs = append(dirs, one)
		}
		found, err := rundir.Existing(base)
		dirs = append(dirs, found...)
		errs = append(errs, err)
	}
	known := len(dirs)
	if w.Dir == "" {
		for _, path := range runningDirs() {
			dirs = append(dirs, rundir.At(path))
		}
	}
	var daemons []*Daemon
	seen := make(map[string]bool)
	for i, dir := range dirs {
		id := cmp.Or(rundir.FileID(dir.Path()), dir.Path())
		if seen[id] {
			continue
		}
		if !dir.Used() {
			if _, err := os.ReadDir(dir.Path()); errors.Is(err, fs.ErrPermission) && !dir.Service() {
				errs = append(errs, err)
			}
			continue
		}
		seen[id] = true
		if d := newDaemon(dir); w.Scope == "" || d.scopeKind() == w.Scope {
			d.foreign = i >= known
			daemons = append(daemons, d)
		}
	}
	slices.SortFunc(daemons, func(a, b *Daemon) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Dir, b.Dir))
	})
	return daemons, errors.Join(errs...)
}

// newDaemon returns the daemon of a directory.
func newDaemon(dir *rundir.Dir) *Daemon {
	d := &Daemon{Name: filepath.Base(dir.Path()), Dir: dir.Path(), dir: dir}
	if dir.Service() {
		d.Scope = string(rt.ScopeSystem)
	}
	if info, err := os.Stat(d.Dir); err == nil {
		d.Changed = info.ModTime()
	}
	e, err := dir.ReadEndpoint()
	published := !errors.Is(err, rundir.ErrAbsent)
	if !published {
		e, err = dir.ReadLast()
	}
	if err == nil {
		d.describe(e)
	} else if !errors.Is(err, rundir.ErrAbsent) {
		d.Problem = err.Error()
	}
	lives, err := d.lives()
	switch {
	case err != nil:
		d.Problem = err.Error()
		d.State = Starting
	case lives && published:
		d.State = Running
	case lives:
		d.State = Starting
	case published:
		d.State = Killed
	default:
		d.State = Exited
	}
	return d
}

// Refresh returns the daemon that the directory has now.
func (d *Daemon) Refresh() *Daemon { return newDaemon(d.dir) }

// describe copies from an endpoint.
func (d *Daemon) describe(e *rundir.Endpoint) {
	d.endpoint = e
	d.Name, d.Service, d.Scope, d.PID, d.Log, d.Version = e.Name, e.Service, e.Scope, e.PID, e.Log, e.Version
	for _, m := range e.Methods {
		d.Methods = append(d.Methods, Method{m.Name, m.Signature})
	}
}

// lives reports whether a process holds the lock. It returns true if that is not known,
// because another process is about to start a daemon or to replace it.
func (d *Daemon) lives() (bool, error) {
	if d.dir.Service() { // the locks may belong to another user
		return control.Listens(d.dir, connectTimeout), nil
	}
	alive, unknown, err := d.dir.Probe()
	return alive || unknown, err
}

// Lives reports whether a process holds the daemon's lock, according to State.
func (d *Daemon) Lives() bool { return d.State == Running || d.State == Starting }

// scopeKind returns the scope without the session, project or directory.
func (d *Daemon) scopeKind() string {
	kind, _, _ := strings.Cut(d.Scope, ":")
	return kind
}

// NotFoundError says that no daemon has a name. Known has the names of the daemons that run.
type NotFoundError struct {
	Name  string
	Known []string
}

// Error names what was looked for.
func (e *NotFoundError) Error() string { return fmt.Sprintf("no daemon is named %q", e.Name) }

// Is reports whether target is rt.ErrNotRunning.
func (e *NotFoundError) Is(target error) bool { return target == rt.ErrNotRunning }

// AmbiguousError says that several daemons match a name.
type AmbiguousError struct {
	Name    string
	Daemons []*Daemon
}

// Error lists the daemons.
func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d daemons match %q; give the pid, or the directory with -dir:", len(e.Daemons), e.Name)
	for _, d := range e.Daemons {
		fmt.Fprintf(&b, "\n  %d %s %s in %s", d.PID, d.Name, d.Scope, d.Dir)
	}
	return b.String()
}

// Find returns the daemon with that name, else the one with that pid, else the only one
// whose name begins so. One that runs in a base directory precedes those that run elsewhere,
// and these precede those that have exited. The error is a *NotFoundError, an
// *AmbiguousError, or one of List if no daemon was found. Find may be called concurrently.
func Find(w Where, name string) (*Daemon, error) {
	daemons, err := List(w)
	pid, _ := strconv.Atoi(name)
	for _, matches := range []func(*Daemon) bool{
		func(d *Daemon) bool { return d.Name == name },
		func(d *Daemon) bool { return pid > 0 && d.PID == pid && d.Lives() },
		func(d *Daemon) bool { return name != "" && strings.HasPrefix(d.Name, name) },
	} {
		var here, elsewhere, exited []*Daemon
		for _, d := range daemons {
			switch {
			case !matches(d):
			case !d.Lives():
				exited = append(exited, d)
			case d.foreign:
				elsewhere = append(elsewhere, d)
			default:
				here = append(here, d)
			}
		}
		for _, found := range [][]*Daemon{here, elsewhere, exited} {
			switch {
			case len(found) == 1:
				return found[0], nil
			case len(found) > 1:
				return nil, &AmbiguousError{name, found}
			}
		}
	}
	if err != nil {
		return nil, err
	}
	missing := &NotFoundError{Name: name}
	for _, d := range daemons {
		if d.Lives() {
			missing.Known = append(missing.Known, d.Name)
		}
	}
	return nil, missing
}
