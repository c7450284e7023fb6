package rundir_test

import "golang.org/x/sys/unix"

const readOnly = unix.MS_RDONLY

func mount(dir string, flags uintptr, options string) error {
	return unix.Mount("tmpfs", dir, "tmpfs", flags, options)
}

// unmount works at once, even while a held lock keeps the file system busy.
func unmount(dir string) { _ = unix.Unmount(dir, unix.MNT_DETACH) }
