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

// serviceSocketName is the socket of a service. The name never changes, so that a service
// manager can listen on it before there is a daemon.
const serviceSocketName = "socket"

// maxServiceName bounds the name of a service, in bytes.
const maxServiceName = 64

// ServiceBaseDir returns the base directory of the singletons that several users of this
// machine share: the variable LOOPGEN_DIR, else /run/loopgen on Linux and /var/run/loopgen
// on other systems. It fails if LOOPGEN_DIR is a relative path, and may be called
// concurrently.
func ServiceBaseDir() (string, error) {
	if dir := Getenv(baseDirVariable); dir != "" {
		return absolute(baseDirVariable, dir)
	}
	return serviceBaseDir, nil
}

// OpenService opens the directory of a singleton that several users share. The directory is
// called exactly name, and is made before the daemon starts, by the service manager for
// instance: this package changes only the files in it. The error matches fs.ErrNotExist if
// the directory is missing, and is an *UnsafeError if another user than its owner and root
// could have made it, or could write into it.
//
// The name is a word that a unit file can contain: 1 to 64 lower-case letters, digits,
// dots, hyphens and underscores, beginning with a letter or digit. OpenService may be called
// concurrently.
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

// Owner checks the directory of a service again and returns its owner. Only root and this
// user can have chosen that owner. Owner fails as OpenService does.
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

// checkAbove returns an *UnsafeError if another user than root and this one could replace
// path: a user that may write to a directory above it. In a directory with a sticky bit,
// entries that belong to root or this user are protected.
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

// writable reports whether users other than its owner may write to a directory.
func writable(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

// trustworthy reports whether a file belongs to root or to this user.
func trustworthy(info fs.FileInfo) bool {
	owner := ownerOf(info)
	return owner == 0 || owner == os.Geteuid()
}

// ServiceSocket returns the path of the socket on which the daemon of a service listens, or
// the service manager for it. The error is a *PathTooLongError.
func (d *Dir) ServiceSocket() (string, error) {
	return usable(filepath.Join(d.path, serviceSocketName))
}

// RemoveServiceSocket removes the socket of an earlier daemon of the service. It returns
// nil if there is none. It must not be called if the service manager listens on the socket.
func (l *DaemonLock) RemoveServiceSocket() error {
	err := l.root.Remove(serviceSocketName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
