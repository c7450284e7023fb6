//go:build unix

package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// safeOpen is added to every open of a file that somebody could have replaced:
// no symbolic link is followed, and no fifo waited for.
const safeOpen = unix.O_NOFOLLOW | unix.O_NONBLOCK

// ours reports whether the file belongs to the user in whose name this process
// makes files.
func ours(info fs.FileInfo) bool { return ownerOf(info) == os.Geteuid() }

// ownerOf returns the user that a file belongs to.
func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// fileID returns device and inode.
func fileID(info fs.FileInfo) string {
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// private reports whether the mode is that of a directory for one user.
func private(info fs.FileInfo) bool { return info.Mode().Perm() == 0o700 }

// odd reports whether an open failed because of what the file is, and not because
// of the state that this process or the system is in. FreeBSD says EMLINK for a
// symbolic link that was not to be followed.
func odd(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.ENXIO) ||
		errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, fs.ErrPermission)
}

func interrupted(err error) bool { return errors.Is(err, unix.EINTR) }

// replace renames within root, over what is there.
func replace(root *os.Root, from, to string) error { return root.Rename(from, to) }

func remove(root *os.Root, name string) error { return root.Remove(name) }

// makeDir makes one directory with mode 0700. It appears under its name with
// that mode: a umask of 0777 would else leave it unusable until the chmod, and
// others that start at the same moment would judge it then. That it was made by
// somebody else meanwhile is no error.
func makeDir(path string) error {
	fresh, err := os.MkdirTemp(filepath.Dir(path), ".loopgen-")
	if err != nil {
		return fmt.Errorf("mkdir %s: %w", path, err)
	}
	err = os.Chmod(fresh, 0o700)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err == nil {
		return nil
	}
	_ = os.Remove(fresh)
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return nil
	}
	return fmt.Errorf("mkdir %s: %w", path, err)
}
