package host

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/stub"
)

// served is set once NewSystemDaemon has begun to make this process a daemon. The lifetime
// lock is never released, so a process is the daemon of one object of ScopeSystem.
var served atomic.Bool

// NewSystemDaemon makes this process, which the service manager has started, the daemon of an
// object of ScopeSystem, and makes the object. On failure it returns the stage that
// failed. It succeeds at most once in a process, and may be called concurrently.
func NewSystemDaemon(req start.Request, svc *stub.Service, admission *Admission) (*Host, string, error) {
	dir, err := openSystemDir(string(req.Anchor), string(req.Name))
	if err != nil {
		return nil, start.StageDirectory, err
	}
	passed, err := activatedAt(dir)
	if err != nil {
		return nil, start.StageListen, err
	}
	if !served.CompareAndSwap(false, true) {
		return nil, start.StageDirectory, errors.New("this process serves, or has served, an object of ScopeSystem: start a process for each")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("pid", os.Getpid())
	h, stage, err := New(req, svc, dir, log)
	if err != nil {
		if passed != nil {
			passed.Close()
		}
		return nil, stage, err
	}
	h.authorize, h.admission, h.passed = admission.authorize, admission, passed
	return h, "", nil
}

// openSystemDir opens the directory of an object of ScopeSystem. It fails if the directory
// does not belong to this user, since only its owner can write there.
func openSystemDir(base, name string) (*rundir.Dir, error) {
	dir, err := rundir.OpenService(base, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: who starts the service makes the directory first (RuntimeDirectory=loopgen/%s in a unit of systemd)", err, name)
	}
	if err != nil {
		return nil, err
	}
	owner, err := dir.Owner()
	if err == nil && owner != os.Geteuid() {
		err = &rundir.UnsafeError{Path: dir.Path(), Problem: fmt.Sprintf("belongs to user %d, and this is user %d", owner, os.Geteuid()), Remedy: "run the service as the owner of its directory"}
	}
	return dir, err
}

// activatedAt returns the socket that the service manager has passed, or nil. It fails if
// the socket is not at the path at which clients connect.
func activatedAt(dir *rundir.Dir) (*net.UnixListener, error) {
	path, err := dir.ServiceSocket()
	if err != nil {
		return nil, err
	}
	ln, err := activated()
	if ln == nil || err != nil {
		return nil, err
	}
	if at := ln.Addr().String(); at != path && !rundir.SamePath(at, path) {
		return nil, errors.Join(fmt.Errorf("the service manager listens on %s, where no client looks: set ListenStream=%s", at, path), ln.Close())
	}
	return ln, nil
}
