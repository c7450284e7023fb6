package rt

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
)

// followPeriod is the interval between two checks of a log for new output.
const followPeriod = 20 * time.Millisecond

// followers copy the logs of daemons to standard error, for LOOPGEN_LOG=stderr. The
// clients of one daemon in this process share a follower. The key is the log's path.
var followers struct {
	sync.Mutex
	byPath map[string]*follower
}

// follower copies the output that is appended to a log.
type follower struct {
	users int           // guarded by followers
	stop  chan struct{} // closed when users is 0 again
	done  chan struct{} // closed when all output has been copied

	// Only the goroutine run uses these.
	path    string
	to      io.Writer
	info    os.FileInfo // of the file that is read; nil: none yet
	offset  int64       // of the output that has not been copied
	rotated bool        // the last check found another file at path
}

// followLog copies the log at path to standard error until the client is closed, if
// LOOPGEN_LOG=stderr. It skips the output that is already in the log.
//
// The follower opens the log by its path. So any process may have started the daemon, and
// the daemon has no file descriptor of the client.
func (c *client) followLog(path string) {
	if path == "" || rundir.Getenv("LOOPGEN_LOG") != "stderr" || self.Serving.Load() != nil {
		return // the standard error of a daemon is a log
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.follows == path {
		return
	}
	if c.follows != "" {
		releaseFollower(c.follows) // the daemon has a new directory
	}
	c.follows = path
	acquireFollower(path)
}

func acquireFollower(path string) {
	followers.Lock()
	defer followers.Unlock()
	f := followers.byPath[path]
	if f == nil {
		f = newFollower(path, os.Stderr)
		if followers.byPath == nil {
			followers.byPath = make(map[string]*follower)
		}
		followers.byPath[path] = f
		go f.run() // ends when the last client has released it
	}
	f.users++
}

// releaseFollower returns a channel that is closed when all output until now has been
// copied, or nil if other clients still use the follower.
func releaseFollower(path string) (done <-chan struct{}) {
	followers.Lock()
	defer followers.Unlock()
	f := followers.byPath[path]
	f.users--
	if f.users > 0 {
		return nil
	}
	delete(followers.byPath, path)
	close(f.stop)
	return f.done
}

// newFollower returns a follower that starts at the current end of the log at path.
func newFollower(path string, to io.Writer) *follower {
	f := &follower{stop: make(chan struct{}), done: make(chan struct{}), path: path, to: to}
	if log := openRegular(path); log != nil {
		f.info, _ = log.Stat()
		if f.info != nil {
			f.offset = f.info.Size()
		}
		log.Close()
	}
	return f
}

func (f *follower) run() {
	defer close(f.done)
	tick := time.NewTicker(followPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.check(false)
		case <-f.stop:
			f.check(true)
			return
		}
	}
}

// check copies new output. It opens the log each time: on Windows an open file cannot be
// renamed, so the next daemon could not rotate the log.
func (f *follower) check(last bool) {
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
// path to which rundir.OpenLog renames a log.
func (f *follower) copyRotated(last bool) {
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
func (f *follower) copy(log io.ReaderAt, last bool) {
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
