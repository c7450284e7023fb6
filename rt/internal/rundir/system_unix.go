//go:build unix

package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// safeOpen is added to every open of a file that another user could have replaced: the open
// follows no symbolic link, and does not wait for a fifo.
const safeOpen = unix.O_NOFOLLOW | unix.O_NONBLOCK

// ownedByUser reports whether the file belongs to the effective user of this process.
func ownedByUser(info fs.FileInfo) bool { return ownerOf(info) == os.Geteuid() }

// ownerOf returns the user that a file belongs to.
func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// fileID returns device and inode.
func fileID(info fs.FileInfo) string {
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// private reports whether the mode is that of a directory for one user.
func private(info fs.FileInfo) bool { return info.Mode().Perm() == 0o700 }

// secret reports whether the mode of a file excludes all other users.
func secret(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }

// foreign reports whether an open failed because of the file's kind or mode, and not
// because of the state of this process or the system. FreeBSD returns EMLINK for a symbolic
// link that must not be followed.
func foreign(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.ENXIO) ||
		errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, fs.ErrPermission)
}

func interrupted(err error) bool { return errors.Is(err, unix.EINTR) }

// replace renames within root and replaces an existing file.
func replace(root *os.Root, from, to string) error { return root.Rename(from, to) }

func remove(root *os.Root, name string) error { return root.Remove(name) }

// makeAll makes the directory path, which is below base, and the missing ones above it. It
// checks those on the path: see walkPath.
func makeAll(path, base string) error {
	for try := 0; ; try++ {
		at, missing, err := walkPath(filepath.Dir(path), base)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			info, err := os.Lstat(path)
			if err == nil && info.Mode().IsRegular() {
				err = &fs.PathError{Op: "mkdir", Path: path, Err: errors.New("a file is in the way")}
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return err // nil for any other file: the caller checks it
			}
			missing = []string{filepath.Base(path)}
		}
		err = at.makeDir(missing[0])
		if err != nil && (!errors.Is(err, fs.ErrNotExist) || try >= replacements) {
			return err
		}
	}
}

// freshPrefix begins the name of a directory that is being made. The rest is derived from
// the final name, so that the next process finishes the directory of a killed one.
const freshPrefix = ".loopgen-"

// makeDir makes the directory name in p with mode 0700. The directory gets its name only
// after its mode. Otherwise, under a umask of 0777, it would be unusable until the chmod,
// and a process that starts at the same moment would reject it. All calls use a descriptor
// of p, and the chmod one of the new directory, so that a replaced name cannot lead to
// another file. The error matches fs.ErrNotExist if another process was faster: the caller
// retries.
func (p parent) makeDir(name string) error {
	failed := func(err error) error {
		return &fs.PathError{Op: "mkdir", Path: filepath.Join(p.path, name), Err: err}
	}
	dir, err := os.OpenFile(p.path, searchOnly|unix.O_DIRECTORY|safeOpen, 0)
	if err != nil {
		return failed(err)
	}
	defer dir.Close()
	if info, err := dir.Stat(); err != nil || !os.SameFile(info, p.info) {
		return failed(errors.Join(fs.ErrNotExist, err)) // replaced since it was checked
	}
	in := int(dir.Fd())
	fresh := freshPrefix + digest(hashDigits, name)
	err = unix.Mkdirat(in, fresh, 0o700)
	if err == nil || errors.Is(err, fs.ErrExist) {
		err = makePrivate(in, fresh)
	}
	if err == nil {
		err = unix.Renameat(in, fresh, in, name)
	}
	if err == nil {
		return nil
	}
	_ = unix.Unlinkat(in, fresh, unix.AT_REMOVEDIR)
	var stat unix.Stat_t
	if unix.Fstatat(in, name, &stat, unix.AT_SYMLINK_NOFOLLOW) == nil {
		return nil // made by another process; the caller checks it
	}
	return failed(err)
}

// makePrivate gives a new directory its mode.
func makePrivate(in int, name string) error {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(in, name, flags, 0)
	if errors.Is(err, fs.ErrPermission) { // the umask has cleared this user's bits
		if err = unix.Fchmodat(in, name, 0o700, unix.AT_SYMLINK_NOFOLLOW); err == nil {
			fd, err = unix.Openat(in, name, flags, 0)
		}
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s in it belongs to user %d; remove it: %w", name, stat.Uid, fs.ErrExist)
	}
	if stat.Mode&0o7777 == 0o700 {
		return nil
	}
	return unix.Fchmod(fd, 0o700)
}

// removeUnfinished removes the directories that killed processes have begun to make in dir.
// A process that is making one at this moment retries.
func removeUnfinished(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	list, err := root.Open(".")
	if err != nil {
		return err
	}
	defer list.Close()
	names, err := list.Readdirnames(-1)
	for _, name := range names {
		if !strings.HasPrefix(name, freshPrefix) {
			continue
		}
		if info, lerr := root.Lstat(name); lerr == nil && info.IsDir() && ownedByUser(info) {
			_ = root.Remove(name) // fails unless it is empty
		}
	}
	return err
}
