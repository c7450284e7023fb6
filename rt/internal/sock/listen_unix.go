//go:build unix

package sock

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// exclusive does nothing: two sockets never listen on one port here unless both
// have asked for it.
func exclusive(_, _ string, _ syscall.RawConn) error { return nil }

// setSocketMode sets the mode of a socket that was just made. It goes through the
// directory that is opened, so that the file is in there whatever becomes of the
// name.
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
		return nil // old kernels without /proc cannot; the owner has all permissions
	}
	return err
}
