package rundir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Existing returns the directories of all singletons below a base directory, including
// those of its sessions and projects. A directory with the name of a service, as
// OpenService takes it, is opened like one. Existing creates nothing, and a missing base
// directory has none. The error joins those of directories that cannot be read; the others
// are returned with it. It may be called concurrently.
func Existing(base string) ([]*Dir, error) {
	entries, err := os.ReadDir(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	errs := []error{err}
	var dirs []*Dir
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		d := At(filepath.Join(base, entry.Name()))
		dirs = append(dirs, d)
		if holdsSingletons(entry.Name()) {
			below, err := Existing(d.path)
			dirs = append(dirs, below...)
			errs = append(errs, err)
		}
	}
	return dirs, errors.Join(errs...)
}

// At returns the directory with that path without a check. It need not exist. Its methods
// that find sockets, and those that make it again, must not be used: its singleton's name is
// not known.
func At(path string) *Dir {
	name := filepath.Base(path)
	hash := name[strings.LastIndexByte(name, '-')+1:]
	hashed := len(hash) == hashDigits && strings.Trim(hash, "0123456789abcdef") == ""
	return &Dir{base: filepath.Dir(path), name: name, path: path, service: plain(name) && !hashed}
}

// Service reports whether several users share the directory: see OpenService.
func (d *Dir) Service() bool { return d.service }

// Used reports whether this package has made a file in the directory.
func (d *Dir) Used() bool {
	for _, name := range []string{lifeLockName, spawnLockName, endpointName, serviceSocketName} {
		if _, err := os.Lstat(d.file(name)); err == nil {
			return true
		}
	}
	return false
}

// Check returns an *UnsafeError if another user could read or replace the directory or a
// directory above it, as Open and OpenService do. It changes nothing. Any other error says
// that a directory is missing or cannot be examined.
func (d *Dir) Check() error {
	if d.service {
		_, err := d.Owner()
		return err
	}
	if err := CheckBase(d.base); err != nil {
		return err
	}
	return checkDir(d.path)
}

// CheckBase returns an *UnsafeError if another user than root can replace a base directory
// or an entry of it. Any other error says that a directory cannot be examined. A missing
// directory is no error. CheckBase may be called concurrently.
func CheckBase(base string) error { return checkParents(base) }

// probeTimeout is how long Probe tries to acquire spawn.lock. Another probe holds the lock
// for microseconds.
const probeTimeout = 50 * time.Millisecond

// Probe reports whether a process holds life.lock. If another process holds spawn.lock for
// longer than 50 ms, it may be starting a daemon: then unknown is true. Unlike TrySpawnLock
// with Alive, Probe makes no file. It holds the locks for a moment. The error says that a
// lock file is unsafe or cannot be used, as that of another user.
func (d *Dir) Probe() (alive, unknown bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	lock := newLock(d.file(spawnLockName))
	_, err = lock.TryLockContext(ctx, firstPause)
	for interrupted(err) {
		_, err = lock.TryLockContext(ctx, firstPause)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist): // a service has no such file
	case errors.Is(err, context.DeadlineExceeded):
		return false, true, nil
	case err != nil:
		return false, false, err
	default:
		defer release(lock)
	}
	alive, err = d.Alive()
	return alive, false, err
}

// UserBase returns the user's base directory for this directory: see BaseDir.
func (d *Dir) UserBase() string { return userBaseDir(d.base) }

// SocketRoom returns how many bytes the paths of sockets in this directory have beyond the
// limit, or 0 if they fit.
func (d *Dir) SocketRoom() int {
	name := socketPrefix + strings.Repeat("0", maxSocketSuffix)
	if d.service {
		name = serviceSocketName
	}
	return max(len(d.file(name))-maxSocketPath, 0)
}

// LockPaths returns the paths of life.lock and spawn.lock.
func (d *Dir) LockPaths() (life, spawn string) { return d.file(lifeLockName), d.file(spawnLockName) }

// Owned reports whether a file belongs to this user.
func Owned(info fs.FileInfo) bool { return ownedByUser(info) }

// Trusted reports whether a file belongs to root or to this user.
func Trusted(info fs.FileInfo) bool { return trustworthy(info) }

// SameFileSystem reports whether two files have one device. It returns false if that is not
// known.
func SameFileSystem(a, b string) bool {
	first, _, ok := strings.Cut(FileID(a), ":")
	second, _, _ := strings.Cut(FileID(b), ":")
	return ok && first == second
}
