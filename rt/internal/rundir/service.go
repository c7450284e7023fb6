package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// serviceSocketName is the socket of a service. It is always the same, so that a
// service manager can listen on it before there is a daemon.
const serviceSocketName = "socket"

// maxServiceName bounds the name of a service, in bytes.
const maxServiceName = 64

// ServiceBaseDir returns the base directory of the singletons that several users
// of this machine share: the variable LOOPGEN_DIR, else /run/loopgen, or
// /var/run/loopgen where there is no /run.
func ServiceBaseDir() (string, error) {
	if dir := Getenv(baseDirVariable); dir != "" {
		return absolute(baseDirVariable, dir)
	}
	return serviceBaseDir, nil
}

// OpenService opens the directory of a singleton that several users share, which
// is called exactly name: whoever starts the daemon has made it, and this
// package makes and changes nothing but the files in it. The error matches
// fs.ErrNotExist if it is not there, and is an *UnsafeError if others than its
// owner and root could have made it, or could put something into it.
//
// The name is a plain word, which a unit file can hold: 1 to 64 lower-case
// letters, digits, dots, hyphens and underscores, a letter or digit first.
func OpenService(base, name string) (*Dir, error) {
	if !plain(name) {
		return nil, fmt.Errorf("opening the directory of a service: its name is %q; give a word of at most %d lower-case letters, digits, '.', '-' and '_', of which the first is a letter or digit", cut.Name(name), maxServiceName)
	}
	d := &Dir{base: base, name: name, path: filepath.Join(base, name), service: true}
	_, err := d.Owner()
	if err != nil {
		return nil, err
	}
	return d, nil
}

func plain(name string) bool {
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		case i > 0 && strings.ContainsRune("._-", r):
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxServiceName
}

// Owner judges the directory of a service again and returns the user that it
// belongs to, and that nobody but root and this user has chosen.
func (d *Dir) Owner() (uid int, err error) {
	info, err := os.Lstat(d.path)
	if err != nil {
		return 0, fmt.Errorf("looking at the directory of a service: %w", err)
	}
	unsafe := func(problem, remedy string) error {
		return &UnsafeError{Path: d.path, Problem: problem, Remedy: remedy}
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return 0, unsafe("is a symbolic link", "remove the link")
	case !info.IsDir():
		return 0, unsafe("is not a directory", "remove it")
	case writable(info):
		return 0, unsafe(fmt.Sprintf("has mode %#o, so that others than its owner can write to it", info.Mode().Perm()), "make it 0755 or less: RuntimeDirectoryMode in a unit of systemd")
	}
	if err := checkAbove(d.path); err != nil {
		return 0, err
	}
	resolved, err := filepath.EvalSymlinks(d.path)
	if err == nil && resolved != d.path {
		err = checkAbove(resolved)
	}
	if err != nil {
		return 0, err
	}
	return ownerOf(info), nil
}

// checkAbove returns an *UnsafeError if somebody else than root and this user
// could put another directory in the place of path: one who may write to one of
// those above it. Where a sticky bit protects what is in such a directory, it
// protects what belongs to root or this user.
func checkAbove(path string) error {
	for parent := filepath.Dir(path); path != parent; path, parent = parent, filepath.Dir(parent) {
		above, err := os.Stat(parent)
		if err != nil {
			return fmt.Errorf("looking at the directory of a service: %w", err)
		}
		inside, err := os.Lstat(path)
		if err != nil {
			return fmt.Errorf("looking at the directory of a service: %w", err)
		}
		const remedy = "choose a directory below ones that only root can change"
		switch protected := above.Mode()&fs.ModeSticky != 0 && trustworthy(inside); {
		case !trustworthy(above):
			return &UnsafeError{Path: parent, Problem: fmt.Sprintf("belongs to user %d, who could put another directory in the place of %s", ownerOf(above), path), Remedy: remedy}
		case writable(above) && !protected:
			return &UnsafeError{Path: parent, Problem: fmt.Sprintf("has mode %#o, so that others could put another directory in the place of %s", above.Mode().Perm(), path), Remedy: remedy}
		}
	}
	return nil
}

// writable reports whether others than its owner may write to a directory.
func writable(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

// trustworthy reports whether a file belongs to root or to this user.
func trustworthy(info fs.FileInfo) bool {
	owner := ownerOf(info)
	return owner == 0 || owner == os.Geteuid()
}

// ServiceSocket returns where the daemon of a service listens, or the service
// manager in its place.
func (d *Dir) ServiceSocket() (string, error) {
	return usable(filepath.Join(d.path, serviceSocketName))
}

// RemoveServiceSocket removes the socket that an earlier daemon of the service has
// left. Only the holder of the lifetime lock may do so, and not if the socket is
// the service manager's.
func (l *DaemonLock) RemoveServiceSocket() error {
	err := l.root.Remove(serviceSocketName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
