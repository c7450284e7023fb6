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

// followPeriod is how often the log of a daemon is looked at for new output.
const followPeriod = 20 * time.Millisecond

// followers copy the logs of daemons to standard error, for LOOPGEN_LOG=stderr. The
// clients of one daemon in this process share one, keyed by the path of the log.
var followers struct {
	sync.Mutex
	byPath map[string]*follower
}

// follower copies what is appended to a log.
type follower struct {
	users int           // guarded by followers
	stop  chan struct{} // closed when there are none
	done  chan struct{} // closed when all output has been copied

	// Only the goroutine run uses these.
	path    string
	to      io.Writer
	info    os.FileInfo // of the file that is read; nil: there was none yet
	offset  int64       // of what has not been copied
	rotated bool        // the last look found another file at path
}

// followLog copies the log at path to standard error until the client is closed, if
// LOOPGEN_LOG says so. What is already in the log is left out.
//
// The log is followed by its path, so it does not matter which process started the
// daemon, and the daemon has no descriptor of the client.
func (c *client) followLog(path string) {
	if path == "" || rundir.Getenv("LOOPGEN_LOG") != "stderr" || self.Serving.Load() != nil {
		return // a daemon's own standard error is a log
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

// releaseFollower returns a channel that is closed when all output up to now has been
// copied, or nil if other clients go on following.
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

// newFollower returns a follower of the log at path from its present end.
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
			f.look(false)
		case <-f.stop:
			f.look(true)
			return
		}
	}
}

// look copies what is new. It opens the log each time: on Windows a file that is open
// cannot be renamed, so the next daemon could not rotate the log.
func (f *follower) look(last bool) {
	log := openRegular(f.path)
	var info os.FileInfo
	if log != nil {
		defer log.Close()
		info, _ = log.Stat()
	}
	if f.info != nil && info != nil && !os.SameFile(f.info, info) {
		f.copyRotated(last)
		// A daemon makes the new file before it stops writing to the old one, so the old
		// one is read again at the next look.
		if !f.rotated && !last {
			f.rotated = true
			return
		}
		f.info = nil
	}
	f.rotated = false
	if info == nil {
		return // it was removed: a daemon that lives makes another one
	}
	if f.info == nil || info.Size() < f.offset { // a new file, or one that was truncated
		f.offset = 0
	}
	f.info = info
	f.copy(log, last)
}

// copyRotated copies the rest of the file that was at path before, if it is where
// openLog moves it.
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

// copy copies the lines from the offset on. A line without an end is left for the next
// time, unless it is very long or there will be none.
func (f *follower) copy(log io.ReaderAt, last bool) {
	buf := make([]byte, 64<<10)
	for {
		n, _ := log.ReadAt(buf, f.offset) // what cannot be read now is read at the next look
		end := bytes.LastIndexByte(buf[:n], '\n') + 1
		if end == 0 && (last || n == len(buf)) {
			end = n
		}
		if end == 0 {
			return
		}
		f.to.Write(buf[:end]) // nothing can be done about a failure
		f.offset += int64(end)
	}
}

// openRegular opens a regular file, and returns nil if there is none: to open a fifo
// would block.
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
