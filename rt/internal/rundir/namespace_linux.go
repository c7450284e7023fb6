package rundir

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// NetworkNamespace returns the inode number of this process's network namespace, or "" if
// /proc is not mounted. The same address is a different socket in another namespace. It may
// be called concurrently.
func NetworkNamespace() string { return inodeOf("/proc/self/ns/net") }

// MountNamespace identifies the file tree of this process: the inode number of its mount
// namespace, and the device and inode of its root directory, which chroot changes. It
// returns "" if /proc is not mounted. It may be called concurrently.
func MountNamespace() string {
	namespace, root := inodeOf("/proc/self/ns/mnt"), FileID("/")
	if namespace == "" || root == "" {
		return ""
	}
	return namespace + ":" + root
}

func inodeOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino)
}

// inDirectory returns a path of name in dir that fits into the address of a Unix socket,
// however long the path of dir is. The path is valid until release is called.
func inDirectory(dir, name string) (path string, release func(), err error) {
	d, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), name), func() { d.Close() }, nil
}
