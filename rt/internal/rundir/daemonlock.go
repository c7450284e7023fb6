package rundir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// holdTimeout is how long a daemon tries to acquire life.lock. A client's probe holds the
// lock for microseconds; only a daemon holds it for longer.
const holdTimeout = 500 * time.Millisecond

// heldLocks keeps every held lock reachable. The garbage collector would close the file of
// an unreachable lock, which releases the lock.
var heldLocks struct {
	sync.Mutex
	locks []*DaemonLock
}

// DaemonLock is life.lock, held by this process: it proves that this process is the daemon
// of the directory. Only the death of the process releases the lock. Children do not
// inherit it, and there is no method that could release it too early. Its methods may be
// called concurrently.
type DaemonLock struct {
	dir  *Dir
	lock *flock.Flock
	// root is the directory that contains the locked file, even if the path names
	// another directory by now. So a daemon whose directory was removed cannot change
	// the endpoint of its successor.
	root *os.Root

	mu   sync.Mutex        // one writer of the endpoint at a time
	last publishedEndpoint // guarded by mu
}

// AcquireDaemonLock acquires life.lock for the rest of this process's life. It tries for at
// most 500 ms. It returns an error that wraps ErrHeld if another process holds the lock for
// so long, and one that wraps ctx.Err() if ctx ends before that.
func (d *Dir) AcquireDaemonLock(ctx context.Context) (*DaemonLock, error) {
	limited, cancel := context.WithTimeout(ctx, holdTimeout)
	defer cancel()
	lock, err := d.acquire(limited, lifeLockName)
	if err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("%w: %s", ErrHeld, d.file(lifeLockName))
		}
		return nil, err
	}
	root, err := d.openRoot()
	if err != nil {
		release(lock)
		return nil, fmt.Errorf("holding the lifetime lock: %w", err)
	}
	l := &DaemonLock{dir: d, lock: lock, root: root}
	heldLocks.Lock()
	heldLocks.locks = append(heldLocks.locks, l)
	heldLocks.Unlock()
	return l, nil
}

// Publish makes e the endpoint that clients read, in one step: they see the old file or the
// new one. If it fails, the old file is still there. The error matches ErrLost if the
// directory or life.lock was removed.
func (l *DaemonLock) Publish(e *Endpoint) error {
	text, err := e.MarshalText()
	if err != nil {
		return fmt.Errorf("publishing the endpoint: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost() {
		return fmt.Errorf("publishing the endpoint: %w: %s", ErrLost, l.LostReason())
	}
	if err := replaceFile(l.root, endpointName, text, l.dir.endpointMode()); err != nil {
		return fmt.Errorf("publishing the endpoint in %s: %w", l.dir.path, err)
	}
	l.last = publishedEndpoint{text: text}
	if info, err := l.root.Lstat(endpointName); err == nil {
		l.last.mode = info.Mode()
	}
	return nil
}

// endpointMode returns the mode of the endpoint. Only the user may read it, because it
// contains the key. The key of a service is no secret: there the connecting user decides
// whether a call is allowed.
func (d *Dir) endpointMode() fs.FileMode {
	if d.service {
		return 0o644
	}
	return 0o600
}

// Withdraw renames the endpoint to the file last if it is that of the given incarnation. So
// no client finds the daemon, and ReadLast describes it. Withdraw returns nil if the
// endpoint is missing, or belongs to another incarnation.
func (l *DaemonLock) Withdraw(incarnation string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.dir.ReadEndpoint()
	var version *VersionError
	if errors.Is(err, ErrAbsent) || errors.As(err, &version) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("withdrawing the endpoint: %w", err)
	}
	if e.Incarnation != incarnation {
		return nil
	}
	if err := replace(l.root, endpointName, lastName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("withdrawing the endpoint: %w", err)
	}
	return nil
}

// Check reports whether clients can still find this daemon. lost says that the path of
// life.lock no longer names the file that this process has locked, because the directory
// was removed or moved: another daemon may start beside this one. intact says that the
// endpoint is there, with the content and the mode that Publish gave it. If only intact is
// false, publishing again repairs the endpoint. A file that cannot be examined, for lack of
// descriptors for instance, counts as unchanged.
func (l *DaemonLock) Check() (lost, intact bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost(), l.last.intact(l.dir)
}

func (l *DaemonLock) lost() bool {
	locked, err := l.lock.Stat()
	if err != nil {
		return false
	}
	info, err := os.Lstat(l.dir.file(lifeLockName))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	}
	return !os.SameFile(locked, info)
}

// Clean removes the endpoint and the sockets of earlier daemons of this directory, and the
// directories beside it that killed processes began to make. It must be called before
// Publish and before this daemon listens. It returns the joined errors of all removals; the
// daemon can go on after them.
func (l *DaemonLock) Clean() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	stale, _ := l.dir.ReadEndpoint()
	errs := l.dir.removeSockets(stale)
	for _, name := range []string{endpointName + ".new", statsName + ".new", endpointName} {
		if err := remove(l.root, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if !l.dir.service {
		for _, dir := range slices.Compact([]string{l.dir.base, userBaseDir(l.dir.base)}) {
			if err := removeUnfinished(dir); err != nil {
				errs = append(errs, err)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cleaning up after an earlier daemon: %w", err)
	}
	return nil
}

// LostReason returns why life.lock is lost, after Check has reported that it is.
func (l *DaemonLock) LostReason() string {
	gone := func(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
	info, err := os.Stat(l.dir.path)
	held, herr := l.root.Stat(".")
	lock := l.dir.file(lifeLockName)
	_, lerr := os.Lstat(lock)
	switch {
	case gone(err):
		return "the directory " + l.dir.path + " was removed"
	case err == nil && herr == nil && !os.SameFile(info, held):
		return "the directory " + l.dir.path + " was replaced"
	case gone(lerr):
		return "the file " + lock + " was removed"
	}
	return "the file " + lock + " was replaced"
}
