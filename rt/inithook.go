package rt

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/host"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/stub"
)

// initHooks has the services whose packages have called ServeIfDaemonOf: a child of
// this program serves them without a line in main.
var initHooks struct {
	sync.Mutex
	services map[*stub.Service]bool
}

// servesInInit is set in a daemon that serves from ServeIfDaemonOf. Its main has not
// run, so it is not known whether main calls ServeIfDaemon.
var servesInInit atomic.Bool

// ServeIfDaemonOf is for generated code only: loopgen -hook init calls it at the end
// of the init function that completes s. In a process that was started as the daemon
// of s it serves and never returns. In any other it returns at once, also in the
// daemon of another service, and a later ServeIfDaemon works as ever. It may be called
// concurrently.
func ServeIfDaemonOf(s *stub.Service) {
	initHooks.Lock()
	if initHooks.services == nil {
		initHooks.services = make(map[*stub.Service]bool)
	}
	initHooks.services[s] = true
	initHooks.Unlock()
	parent := startedAsDaemon()
	if parent == nil || !host.Requested(parent, s) {
		return
	}
	self.ServesInInit.Store(true)
	self.Starting.Store(true)
	os.Exit(host.Serve(parent))
}

// hasInitHook reports whether the package of s calls ServeIfDaemonOf.
func hasInitHook(s *stub.Service) bool {
	initHooks.Lock()
	defer initHooks.Unlock()
	return initHooks.services[s]
}

// noHook says why a child of this program would not serve s, or returns nil.
func noHook(s *stub.Service) error {
	switch {
	case self.Hooked.Load() || hasInitHook(s):
		return nil
	case !self.ServesInInit.Load():
		return hookMissing()
	case s.New == nil:
		return fmt.Errorf("this daemon serves from an init function, before that of %s has run: give the generated file of that type a name that sorts first (loopgen -output)", cut.Name(s.Name))
	}
	return kindError{ErrHookMissing, fmt.Errorf("this daemon serves from an init function, and main has not run: generate %s with loopgen -hook init, too", cut.Name(s.Name))}
}
