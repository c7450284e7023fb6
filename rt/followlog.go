package rt

import (
	"os"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
)

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
}

// followLog copies the log at path to standard error until the client is closed, if
// LOOPGEN_LOG=stderr. It skips the output that is already in the log.
//
// The follower opens the log by its path, so the daemon has no file descriptor of the
// client.
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
		f = &follower{stop: make(chan struct{}), done: make(chan struct{})}
		if followers.byPath == nil {
			followers.byPath = make(map[string]*follower)
		}
		followers.byPath[path] = f
		log := rundir.FollowLog(path, os.Stderr, 0)
		go func() { // ends when the last client has released it
			defer close(f.done)
			log.Run(f.stop)
		}()
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
