package rundir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
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

// followPeriod is the interval between two checks of a log for new output.
const followPeriod = 20 * time.Millisecond

// LogFollower copies the output that is appended to a log, also when the log is rotated. It
// opens the log by its path, so any process may write to it. Its methods must not be called
// concurrently.
type LogFollower struct {
	path    string
	to      io.Writer
	info    os.FileInfo // of the file that is read; nil: none yet
	offset  int64       // of the output that has not been copied
	rotated bool        // the last check found another file at path
}

// FollowLog returns a follower that starts with the last lines that the log at path has now:
// with none of them if lines is 0, and with all if it is negative. A missing log has none.
func FollowLog(path string, to io.Writer, lines int) *LogFollower {
	f := &LogFollower{path: path, to: to}
	if log := openRegular(path); log != nil {
		defer log.Close()
		if f.info, _ = log.Stat(); f.info != nil {
			f.offset = lastLines(log, f.info.Size(), lines)
		}
	}
	return f
}

// lastLines returns the offset of the last lines of a log that has that size.
func lastLines(log io.ReaderAt, size int64, lines int) int64 {
	switch {
	case lines < 0:
		return 0
	case lines == 0:
		return size
	}
	buf := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(end-int64(len(buf)), 0)
		n, _ := log.ReadAt(buf[:end-start], start)
		for i := n - 1; i >= 0; i-- {
			if buf[i] != '\n' || start+int64(i) == size-1 { // the last line may lack its end
				continue
			}
			if lines--; lines <= 0 {
				return start + int64(i) + 1
			}
		}
		end = start
	}
	return 0
}

// Run copies new output until stop is closed, and then the rest.
func (f *LogFollower) Run(stop <-chan struct{}) {
	tick := time.NewTicker(followPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.Copy(false)
		case <-stop:
			f.Copy(true)
			return
		}
	}
}

// Copy copies new output; if last is set, an unfinished line as well. It opens the log each
// time: on Windows an open file cannot be renamed, so the next daemon could not rotate the
// log.
func (f *LogFollower) Copy(last bool) {
	log := openRegular(f.path)
	var info os.FileInfo
	if log != nil {
		defer log.Close()
		info, _ = log.Stat()
	}
	if f.info != nil && info != nil && !os.SameFile(f.info, info) {
		f.copyRotated(last)
		// A daemon creates the new file before it stops writing to the old one. So the
		// next check reads the old file again.
		if !f.rotated && !last {
			f.rotated = true
			return
		}
		f.info = nil
	}
	f.rotated = false
	if info == nil {
		return // the log was removed: a living daemon creates another one
	}
	if f.info == nil || info.Size() < f.offset { // a new file, or one that was truncated
		f.offset = 0
	}
	f.info = info
	f.copy(log, last)
}

// copyRotated copies the rest of the file that was at path before, if it is now at the
// path to which OpenLog renames a log.
func (f *LogFollower) copyRotated(last bool) {
	old := openRegular(f.path + ".1")
	if old == nil {
		return
	}
	defer old.Close()
	if info, err := old.Stat(); err == nil && os.SameFile(info, f.info) {
		f.copy(old, last || f.rotated)
	}
}

// copy copies the lines from the offset on. It leaves an unfinished line for the next
// check, unless the line fills the buffer or this is the last check.
func (f *LogFollower) copy(log io.ReaderAt, last bool) {
	buf := make([]byte, 64<<10)
	for {
		n, _ := log.ReadAt(buf, f.offset) // the next check retries after an error
		end := bytes.LastIndexByte(buf[:n], '\n') + 1
		if end == 0 && (last || n == len(buf)) {
			end = n
		}
		if end == 0 {
			return
		}
		f.to.Write(buf[:end]) // an error cannot be reported anywhere
		f.offset += int64(end)
	}
}

// openRegular opens a regular file, and returns nil if there is none. It does not open
// other files, since opening a fifo would block.
func openRegular(path string) *os.File {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	return f
}
