package rundir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// LostReason says what became of the path of life.lock when Check has said that it is
// lost.
func (l *DaemonLock) LostReason() string {
	gone := func(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
	info, err := os.Stat(l.dir.path)
	held, herr := l.root.Stat(".")
	lock := l.dir.file(lifeLockName)
	_, lerr := os.Lstat(lock)
	switch {
	case gone(err):
		return "the directory " + l.dir.path + " was removed"
	case err == nil && herr == nil && !os.SameFile(info, held):
		return "the directory " + l.dir.path + " was replaced"
	case gone(lerr):
		return "the file " + lock + " was removed"
	}
	return "the file " + lock + " was replaced"
}

// CanWrite tries to write a file of some kilobytes and removes it. The error says
// why no daemon can write its endpoint, as that the disk is full.
func (d *Dir) CanWrite() error {
	root, err := d.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	const name = "room.new" // the same for all processes, so that at most one is left behind
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 16<<10))
	err = errors.Join(err, f.Close())
	if rerr := remove(root, name); err == nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = rerr
	}
	return err
}
