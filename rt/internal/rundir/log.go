package rundir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// LogSize is how many bytes a log has before it is rotated. One older log is kept.
const LogSize = 8 << 20

// OpenLog opens the daemon's log for appending. It first renames an existing log that is
// over LogSize, is not a regular file, or cannot be written because its maker was killed
// before setting its mode. OpenLog fails if the log cannot be renamed or opened.
func OpenLog(path string) (*os.File, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("open the directory of the log: %w", err)
	}
	defer root.Close()
	name := filepath.Base(path)
	info, err := root.Lstat(name)
	if err == nil && (!info.Mode().IsRegular() || info.Mode().Perm()&0o200 == 0 || info.Size() > LogSize) {
		if err := root.Rename(name, name+".1"); err != nil {
			return nil, fmt.Errorf("rotate the log %s: %w; remove %[1]s.1", path, err)
		}
	}
	const flags = os.O_WRONLY | os.O_APPEND
	f, err := root.OpenFile(name, flags|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		if err = f.Chmod(0o600); err != nil { // the umask may have taken bits away
			f.Close()
		}
	} else if errors.Is(err, os.ErrExist) {
		f, err = root.OpenFile(name, flags, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open the log, which must be a file that its owner can write: %w", err)
	}
	return f, nil
}
