package rundir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	firstPause = time.Millisecond
	maxPause   = 16 * time.Millisecond
)

// TrySpawnLock takes spawn.lock if nobody has it, and says whether it did.
// unlock releases the lock and may be called more than once; it is not nil
// when ok is true. The directory is made again if it was removed.
func (d *Dir) TrySpawnLock() (unlock func(), ok bool, err error) {
	lock, err := d.tryLock(spawnLockName)
	if err != nil {
		return nil, false, fmt.Errorf("taking the lock %s: %w", d.file(spawnLockName), err)
	}
	if lock == nil {
		return nil, false, nil
	}
	return sync.OnceFunc(func() { release(lock) }), true, nil
}

// Alive reports whether some process holds life.lock, which is to say that a
// daemon lives, even if it does not answer. The probe takes the lock for an
// instant, so it must only be called with spawn.lock held: a daemon that starts
// tries long enough to outlast one probe, not a crowd of them.
func (d *Dir) Alive() (bool, error) {
	path := d.file(lifeLockName)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = checkLockInfo(path, info)
	}
	if err != nil {
		return false, fmt.Errorf("probing the lifetime lock: %w", err)
	}
	lock := newLock(path)
	ok, err := lock.TryLock()
	for interrupted(err) {
		ok, err = lock.TryLock()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("probing the lifetime lock: %w", err)
	}
	release(lock)
	return !ok, nil
}

// Prepare makes the file of life.lock if it is not there, so that the daemon which
// is about to take it need not. It must only be called with spawn.lock held. That
// it fails is no error: the daemon finds out why.
func (d *Dir) Prepare() { _ = d.ensureFile(lifeLockName) }

// acquire takes the lock called name, trying until ctx ends.
func (d *Dir) acquire(ctx context.Context, name string) (*flock.Flock, error) {
	pause := firstPause
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("waiting for the lock %s: %w", d.file(name), err)
		}
		lock, err := d.tryLock(name)
		if err != nil {
			return nil, fmt.Errorf("taking the lock %s: %w", d.file(name), err)
		}
		if lock != nil {
			return lock, nil
		}
		// Jitter keeps a crowd that was woken together from trying together.
		timer.Reset(pause/2 + rand.N(pause))
		pause = min(2*pause, maxPause)
	}
}

// tryLock returns nil without an error if the lock is taken, or if the file changed
// under the attempt.
func (d *Dir) tryLock(name string) (*flock.Flock, error) {
	path := d.file(name)
	if err := d.ensureFile(name); err != nil {
		return nil, err
	}
	lock := newLock(path)
	ok, err := lock.TryLock()
	if interrupted(err) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !ok {
		return nil, err
	}
	// Between open and lock the directory may have been removed and made again:
	// this would be a lock on a file that nobody else can open.
	if !lockedAt(lock, path) {
		release(lock)
		return nil, nil
	}
	return lock, nil
}

// ensureFile makes the lock file, and its directory, if they are not there.
func (d *Dir) ensureFile(name string) error {
	path := d.file(name)
	f, err := os.OpenFile(path, os.O_RDWR|safeOpen, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.make(); err != nil {
			return err
		}
		var root *os.Root
		if root, err = d.openRoot(); err == nil {
			f, err = root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
			root.Close()
		}
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			// Another process was first, with the file, or with a directory in the
			// place of this one (see makeAll). The next try judges what is there.
			return nil
		}
		if err == nil {
			err = f.Chmod(0o600)
		}
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		return d.diagnose(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return checkLockInfo(path, info)
}

// diagnose turns an error of opening a lock file into an *UnsafeError if the file
// is not what it should be. A regular file of ours without permissions is one
// whose maker was stopped between making it and setting its mode, under a umask
// that denies everything: it gets its mode here, and the open is tried again.
func (d *Dir) diagnose(name string, err error) error {
	if !foreign(err) {
		return err
	}
	root, rootErr := d.openRoot()
	if rootErr != nil {
		return err
	}
	defer root.Close()
	info, statErr := root.Lstat(name)
	if statErr != nil {
		return err
	}
	if unsafe := checkLockInfo(d.file(name), info); unsafe != nil {
		return unsafe
	}
	if !errors.Is(err, fs.ErrPermission) || info.Mode().Perm()&0o600 == 0o600 {
		return err
	}
	return root.Chmod(name, 0o600)
}

// newLock never creates the file, and never follows a link.
func newLock(path string) *flock.Flock {
	return flock.New(path, flock.SetFlag(os.O_RDWR|safeOpen))
}

// lockedAt reports whether path names the file that lock has locked.
func lockedAt(lock *flock.Flock, path string) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && os.SameFile(locked, info)
}

// release unlocks explicitly, so that a child which another goroutine has forked
// and which has not yet executed its program does not keep the lock for longer.
func release(lock *flock.Flock) {
	for interrupted(lock.Unlock()) {
	}
}
