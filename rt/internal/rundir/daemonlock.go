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

// holdTimeout is how long a daemon tries to take life.lock. A client's probe
// holds it for microseconds; what holds it for longer is a daemon.
const holdTimeout = 500 * time.Millisecond

// heldLocks keeps every held lock reachable: the collector would close the file of
// one that the program no longer refers to, and with that release it.
var heldLocks struct {
	sync.Mutex
	locks []*DaemonLock
}

// DaemonLock is the proof that this process is the daemon of its directory. Nothing
// releases it but the death of the process: children do not inherit it, and
// there is no method that could be called too early. Its methods may be called
// concurrently.
type DaemonLock struct {
	dir  *Dir
	lock *flock.Flock
	// root is the directory that holds the locked file, whatever its path names
	// by now: a daemon whose directory was removed can do nothing to the
	// endpoint of its successor.
	root *os.Root

	mu   sync.Mutex        // one writer of the endpoint at a time
	last publishedEndpoint // guarded by mu
}

// AcquireDaemonLock takes life.lock for the rest of this process's life. It tries for at most
// 500 ms and returns ErrHeld if another process keeps it for so long. If ctx ends
// before that, the error wraps ctx.Err().
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

// Publish makes e the endpoint that clients read, in one step: they see the old
// file or the new one. If it fails the old one is still there. The error matches
// ErrLost if the directory or life.lock was removed.
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

// endpointMode is for the user only, as the key in it: but that of a service is no
// secret, and who may call is decided by the user who connects.
func (d *Dir) endpointMode() fs.FileMode {
	if d.service {
		return 0o644
	}
	return 0o600
}

// Withdraw removes the endpoint if it is that of the given incarnation. That it
// is gone already, or belongs to another one, is no error.
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
	if err := remove(l.root, endpointName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("withdrawing the endpoint: %w", err)
	}
	return nil
}

// Check looks whether clients can still find this daemon. lost says that the
// path of life.lock no longer names the file this process has locked, because
// someone removed or moved the directory: another daemon may start beside it.
// published says that the endpoint is there, with the content and the mode that
// Publish gave it. If only published is false, publishing again repairs it. A
// file that cannot be examined for lack of descriptors or the like counts as
// unchanged.
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

// Clean removes what earlier daemons of this directory left: their endpoint and
// their sockets, and the directories that killed processes began to make beside it. It must be called before Publish and before this daemon
// listens. The errors of all removals are joined; the daemon can go on after
// them.
func (l *DaemonLock) Clean() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	stale, _ := l.dir.ReadEndpoint()
	errs := l.dir.removeSockets(stale)
	for _, name := range []string{endpointName + ".new", endpointName} {
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
