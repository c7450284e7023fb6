//go:build unix

package sock

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// exclusive does nothing: on these systems two sockets listen on one port only if both
// have asked for it.
func exclusive(_, _ string, _ syscall.RawConn) error { return nil }

// setSocketMode sets the mode of a socket that was just made. It opens the directory
// first, so that the file is in that directory even if the directory is renamed.
func setSocketMode(path string, mode fs.FileMode) error {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.Base(path)
	info, err := root.Lstat(name)
	if err == nil && info.Mode()&0o777 != mode {
		err = root.Chmod(name, mode)
	}
	const others = 0o077
	if err != nil && info != nil && info.Mode()&others == mode&others {
		return nil // old kernels without /proc cannot change it; the owner has all permissions
	}
	return err
}
