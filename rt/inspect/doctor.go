package inspect

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// Finding is something that is wrong, or that will surprise.
type Finding struct {
	Name    string `json:",omitempty"` // the daemon's; empty if all are affected
	PID     int    `json:",omitempty"` // the daemon's process
	Problem string // what is wrong
	Command string // a shell command that mends it, or that shows more if only a person can decide
}

// leastSpace is the free space in bytes below which a file system counts as full.
const leastSpace = 64 << 10

// settleTime is how long a daemon may hold its lock without an endpoint before that is a
// finding.
const settleTime = time.Second

// fileSystem has what is wrong with a file system.
type fileSystem struct {
	network        string // kind of network file system; empty: it is local
	readOnly, full bool
	noFiles        bool // no file can be made, whatever space is left
}

// examination collects findings.
type examination struct {
	where    Where
	base     string // the user's base directory of this environment
	daemons  []*Daemon
	examine  func(path string) (disk fileSystem, ok bool) // examine, but in tests
	disks    []string                                     // mount points that were examined
	findings []Finding
}

// Diagnose returns the findings about the daemons that where selects and about their base
// directories. With a daemon it returns those about this daemon and its directories. It
// changes nothing. On other systems than Linux it cannot see stopped processes, holders of
// locks, programs of clients, and file systems. Diagnose may be called concurrently.
func Diagnose(ctx context.Context, where Where, one *Daemon) []Finding {
	x := &examination{where: where, examine: examine}
	var err error
	if x.base, err = rundir.BaseDir(""); err != nil {
		x.add(nil, err.Error(), "unset LOOPGEN_DIR")
	}
	if x.daemons, err = List(where); err != nil {
		x.unreadable(err)
	}
	if one == nil {
		bases, _ := where.bases()
		for _, base := range bases {
			x.directory(nil, base, rundir.CheckBase(base), where.Dir == "" && base != x.base)
		}
		x.usable()
	}
	for _, d := range x.daemons {
		if one == nil || d.Dir == one.Dir {
			x.daemon(ctx, d)
		}
	}
	x.places(one)
	return slices.CompactFunc(x.findings, func(a, b Finding) bool { return a == b })
}

// add adds a finding about d, or about the environment if d is nil.
func (x *examination) add(d *Daemon, problem, command string) {
	f := Finding{Problem: problem, Command: command}
	if d != nil {
		f.Name, f.PID = d.Name, d.PID
	}
	x.findings = append(x.findings, f)
}

// unreadable reports the directories that List could not read.
func (x *examination) unreadable(err error) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, err := range joined.Unwrap() {
			x.unreadable(err)
		}
		return
	}
	command := "unset LOOPGEN_DIR"
	var path *fs.PathError
	if errors.As(err, &path) {
		bases, _ := x.where.bases()
		command = open(path.Path, slices.Contains(bases, path.Path))
		err = path
	}
	x.add(nil, fmt.Sprintf("cannot read a directory of daemons: %v", err), command)
}

// directory examines a directory that must be safe, and its file system. unsafe is the
// result of its check, and service says that several users share the directory.
func (x *examination) directory(d *Daemon, path string, unsafe error, service bool) {
	var found *rundir.UnsafeError
	if errors.As(unsafe, &found) {
		x.add(d, fmt.Sprintf("%s %s", found.Path, found.Problem), protect(found.Path, path, d == nil, service))
	}
	at := existing(path)
	disk, ok := x.examine(at)
	root := mountPoint(at)
	if !ok || slices.Contains(x.disks, root) {
		return
	}
	x.disks = append(x.disks, root)
	switch {
	case disk.network != "":
		x.add(d, fmt.Sprintf("%s is on a network file system (%s), where locks and sockets do not work reliably", path, disk.network),
			elsewhere(d))
	case disk.readOnly:
		x.add(d, fmt.Sprintf("the file system of %s is mounted read-only, so no daemon can publish its endpoint there", path),
			sudo()+"mount -o remount,rw "+shellWord(root))
	case disk.full:
		x.add(d, fmt.Sprintf("no space is left on the file system of %s", path), "du -xh --max-depth=2 "+shellWord(root)+" | sort -h | tail")
	case disk.noFiles:
		x.add(d, fmt.Sprintf("the file system of %s holds no more files", path), "du -x --inodes --max-depth=2 "+shellWord(root)+" | sort -n | tail")
	}
}

// readOnly reports whether the file system of a directory is mounted read-only.
func (x *examination) readOnly(path string) bool {
	disk, ok := x.examine(path)
	return ok && disk.readOnly
}

// usable reports a base directory in which this user cannot make directories.
func (x *examination) usable() {
	base := cmp.Or(x.where.Dir, x.base)
	at := existing(base)
	if base == "" || writable(at) || x.readOnly(at) {
		return
	}
	command := elsewhere(nil)
	if at == base {
		if _, err := os.ReadDir(base); err != nil {
			return // see unreadable
		}
		command = open(base, true)
	}
	x.add(nil, fmt.Sprintf("no daemon can start in %s, because this user cannot write to %s", base, at), command)
}

// daemon examines one daemon.
func (x *examination) daemon(ctx context.Context, d *Daemon) {
	x.directory(d, d.Dir, d.dir.Check(), d.dir.Service())
	if over := d.dir.SocketRoom(); over > 0 && x.holdsSocket(d) {
		x.add(d, fmt.Sprintf("the path of a socket in %s is longer than this system allows, by %d bytes: the daemon uses TCP, and none starts with TransportUnix", d.Dir, over),
			elsewhere(d))
	}
	if d.dir.Service() && systemdRuns() {
		x.units(d, unitDirs)
	}
	switch {
	case d.Problem != "" && x.readOnly(d.Dir): // its locks cannot be opened
	case d.Problem != "":
		x.add(d, d.Problem, readable(d))
	case d.State == Starting:
		x.starting(ctx, d)
	case d.State == Running:
		x.running(ctx, d)
	}
}

// holdsSocket reports whether the directory of d is that of its Unix socket. Below the default
// base directory only, sockets are in the runtime directory if there is one.
func (x *examination) holdsSocket(d *Daemon) bool {
	if d.endpoint != nil {
		return d.endpoint.Network == "tcp" || d.dir.Holds(d.endpoint)
	}
	_, ok := runtimeDir()
	return !ok || rundir.Getenv("LOOPGEN_DIR") != "" || !rundir.SamePath(d.dir.UserBase(), x.base)
}

// starting examines a daemon that holds a lock and has no endpoint.
func (x *examination) starting(ctx context.Context, d *Daemon) {
	settled, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	<-settled.Done()
	if newDaemon(d.dir).State != Starting || ctx.Err() != nil {
		return
	}
	life, spawn := d.dir.LockPaths()
	reported := false
	for _, lock := range []string{life, spawn} {
		for _, pid := range holders(lock) {
			if stopped(pid) {
				x.add(d, fmt.Sprintf("process %d (%s) holds %s and is stopped", pid, commandOf(pid), lock), fmt.Sprintf("kill -CONT %d", pid))
			} else {
				x.add(d, fmt.Sprintf("process %d (%s) holds %s, and no daemon has published an endpoint", pid, commandOf(pid), lock), fmt.Sprintf("kill %d", pid))
			}
			reported = true
		}
	}
	if !reported && d.Problem == "" {
		x.add(d, fmt.Sprintf("a process holds a lock in %s, and no daemon has published an endpoint", d.Dir), "fuser -v "+shellWord(life)+" "+shellWord(spawn))
	}
}

// running examines a daemon that has published its endpoint.
func (x *examination) running(ctx context.Context, d *Daemon) {
	life, _ := d.dir.LockPaths()
	process := d.process()
	for _, pid := range holders(life) {
		if pid != process {
			x.add(d, fmt.Sprintf("process %d (%s) holds %s, and the endpoint names process %d", pid, commandOf(pid), life, d.PID), fmt.Sprintf("kill %d", pid))
			return
		}
	}
	if kind := d.scopeKind(); !d.dir.Service() && kind != "dir" && x.base != "" && !rundir.SamePath(d.dir.UserBase(), x.base) {
		x.add(d, fmt.Sprintf("it is in %s, and programs with the LOOPGEN_DIR of this shell (%s) do not find it", d.dir.UserBase(), orUnset(rundir.Getenv("LOOPGEN_DIR"))),
			"export LOOPGEN_DIR="+shellWord(d.dir.UserBase()))
	}
	var s rt.Status
	var err error
	if !stopped(process) {
		s, err = d.Status(ctx)
	}
	switch {
	case stopped(process):
		x.add(d, fmt.Sprintf("process %d is stopped, so calls wait for it and no other daemon starts", process), fmt.Sprintf("kill -CONT %d", process))
		return
	case errors.Is(err, rt.ErrNotRunning), errors.Is(err, rt.ErrNotAllowed):
		return // it has exited meanwhile, or is another user's
	case errors.Is(err, rt.ErrUnresponsive):
		x.add(d, err.Error(), fmt.Sprintf("kill -QUIT %d", process))
		return
	case err != nil:
		x.add(d, err.Error(), fmt.Sprintf("ps -fp %d", process))
		return
	}
	x.builds(d, s)
	if s.Leaving != "" && len(s.Running) > 0 {
		x.add(d, "it drains: "+s.Leaving, loopctl("stop -now", d))
	}
}

// process returns the number of the daemon's process here. It is not PID if the daemon is in
// a pid namespace of its own, as in a container.
func (d *Daemon) process() int {
	life, _ := d.dir.LockPaths()
	for _, pid := range holders(life) {
		if innermost(pid) == d.PID {
			return pid
		}
	}
	return d.PID
}

// builds compares the daemon's program with the file that has its path now, and with the
// programs of its clients.
func (x *examination) builds(d *Daemon, s rt.Status) {
	if now, err := process.BuildOf(s.Executable); err == nil && now != d.endpoint.Build {
		x.add(d, fmt.Sprintf("it runs an older build than %s is now", s.Executable), restart(d))
	}
	if d.process() != d.PID {
		return // the daemon numbers its clients in a namespace of its own
	}
	ours := mainPackage(imageOf(d.PID))
	for _, c := range s.Clients {
		image := imageOf(c.PID)
		build, err := process.BuildOf(image)
		if err == nil && build != d.endpoint.Build && ours != "" && mainPackage(image) == ours {
			x.add(d, fmt.Sprintf("its client process %d runs another build of %s", c.PID, ours), restart(d))
		}
	}
}

// mainPackage returns the main package of a program file, or "" if it is not known.
func mainPackage(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	return info.Path
}

// places reports names that daemons have in several base directories.
func (x *examination) places(one *Daemon) {
	first := make(map[string]*Daemon)
	for _, d := range x.daemons {
		if !d.Lives() || d.endpoint == nil || d.scopeKind() != string(rt.ScopeUser) {
			continue
		}
		other := first[d.Name]
		if other == nil {
			first[d.Name] = d
			continue
		}
		if other.dir.UserBase() == d.dir.UserBase() || one != nil && one.Dir != d.Dir && one.Dir != other.Dir {
			continue
		}
		if rundir.SamePath(d.dir.UserBase(), x.base) {
			d, other = other, d // keep the one that programs find
		}
		x.add(d, fmt.Sprintf("the name has two daemons: process %d in %s and process %d in %s", other.PID, other.Dir, d.PID, d.Dir), loopctl("stop", d))
	}
}
