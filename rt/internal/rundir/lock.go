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

// TrySpawnLock acquires spawn.lock if no other process holds it. ok reports whether it did;
// then unlock releases the lock, and may be called more than once. TrySpawnLock makes the
// directory again if it was removed. The error says that the lock file is unsafe or cannot
// be used.
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

// Alive reports whether a process holds life.lock: then a daemon is alive, even if it does
// not answer. The probe acquires the lock for a moment, so the caller must hold spawn.lock:
// a starting daemon retries long enough for one probe, but not for many. The error says
// that the lock file is unsafe or cannot be used.
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
	for interrupted(err) || errors.Is(err, fs.ErrPermission) && d.diagnose(lifeLockName, err) == nil {
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

// Prepare makes the file of life.lock if it is missing, which saves the starting daemon the
// time. The caller must hold spawn.lock. Prepare ignores errors: the daemon fails with the
// same error and reports it.
func (d *Dir) Prepare() { _ = d.ensureFile(lifeLockName) }

// acquire acquires the lock called name. It retries until ctx ends.
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
		// Jitter keeps processes that were woken together from retrying together.
		timer.Reset(pause/2 + rand.N(pause))
		pause = min(2*pause, maxPause)
	}
}

// tryLock returns nil and no error if another process holds the lock, or if the file was
// replaced during the attempt.
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
	// Between open and lock the directory may have been removed and made again. Then
	// this is a lock on a file that no other process can open.
	if !lockedAt(lock, path) {
		release(lock)
		return nil, nil
	}
	return lock, nil
}

// ensureFile makes the lock file, and its directory, if they are missing.
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
		if errors.Is(err, fs.ErrNotExist) {
			// Another process has replaced the directory (see makeAll). The next try
			// checks the result.
			return nil
		}
		if errors.Is(err, fs.ErrExist) { // another process has made the file first
			return d.ensureFile(name)
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

// diagnose turns an error of opening a lock file into an *UnsafeError if the file is not a
// lock file of this user. A regular file of this user without permissions is one whose
// maker has not set the mode yet, under a umask that denies everything, and may have been
// stopped before. diagnose sets the mode and returns nil, and the caller retries. It does
// so, too, if the maker has set the mode since the file was opened.
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
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if info.Mode().Perm()&0o600 != 0o600 {
		return root.Chmod(name, 0o600)
	}
	f, err := os.OpenFile(d.file(name), os.O_RDWR|safeOpen, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// newLock returns a lock that never creates the file and never follows a link.
func newLock(path string) *flock.Flock {
	return flock.New(path, flock.SetFlag(os.O_RDWR|safeOpen))
}

// lockedAt reports whether path still names the file that lock has locked.
func lockedAt(lock *flock.Flock, path string) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && os.SameFile(locked, info)
}

// release unlocks explicitly. Closing the file would not be enough: a child that another
// goroutine has forked, and that has not executed its program yet, still has the file open.
func release(lock *flock.Flock) {
	for interrupted(lock.Unlock()) {
	}
}
