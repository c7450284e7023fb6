package rt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// openLog opens the daemon's log for appending. One that is over the limit, is
// not a regular file, or cannot be written, as one whose maker was killed before
// it had its mode, is moved out of the way first.
func openLog(path string, limit int64) (*os.File, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("open the directory of the log: %w", err)
	}
	defer root.Close()
	name := filepath.Base(path)
	info, err := root.Lstat(name)
	if err == nil && (!info.Mode().IsRegular() || info.Mode().Perm()&0o200 == 0 || info.Size() > limit) {
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

// logFile is the log of this daemon: the file that its standard output and
// error are; without a path they are somebody else's. Its structured log, the program's own output and the Go runtime's
// last words all go there.
type logFile struct{ path string }

func newLogFile(path string) *logFile { return &logFile{path: path} }

// rotate starts a new log when the old one is full or was removed. The full
// one is kept as path.1.
func (l *logFile) rotate(limit int64) {
	if l.path == "" {
		return
	}
	info, err := os.Stat(l.path)
	current, cerr := os.Stderr.Stat()
	switch {
	case cerr != nil:
		return
	case errors.Is(err, os.ErrNotExist):
	case err != nil || info.Size() <= limit && os.SameFile(info, current):
		return
	}
	f, err := openLog(l.path, limit)
	if err != nil {
		return // the old one is written on
	}
	defer f.Close()
	redirectOutput(f)
}
