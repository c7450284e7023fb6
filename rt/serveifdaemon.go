package rt

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/host"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/stub"
)

// ServeIfDaemon serves and never returns in a process that was started as a
// daemon; in any other it returns at once. Make it the first line of main, and
// of TestMain: what stands before it is run by the daemon, too, as package
// initialisation is. Without it Connect returns ErrHookMissing, and ends a process
// that was started as a daemon.
//
// A service of a package generated with loopgen -hook init is served before main
// begins, and does not need the call.
func ServeIfDaemon() {
	stub.CloseRegistry()
	self.Hooked.Store(true)
	parent := startedAsDaemon()
	if parent == nil {
		return
	}
	self.Starting.Store(true)
	os.Exit(host.Serve(parent))
}

// startedAsDaemon returns the process that started this one as a daemon, or nil. It
// ends a process that has the marker of a daemon and no such parent.
func startedAsDaemon() *process.Parent {
	parent, err := process.Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, "loopgen:", err)
		os.Exit(host.ExitForged)
	}
	return parent
}

// hookMissing returns ErrHookMissing with the program that does not call
// ServeIfDaemon, which is this one, and the place for the call.
func hookMissing() error {
	program := process.Executable()
	if isTestBinary(program) {
		return kindError{ErrHookMissing, fmt.Errorf("rt.ServeIfDaemon was not called in the test binary %s: "+
			"declare func TestMain(m *testing.M) { rttest.Main(m) } in the package's tests (import github.com/loopgen/loopgen/rt/rttest), "+
			"or make the call the first line of the TestMain there", program)}
	}
	return kindError{ErrHookMissing, fmt.Errorf("rt.ServeIfDaemon was not called in %s: make it the first line of main", program)}
}

// isTestBinary reports whether this process runs a binary made by go test, which
// may have another name than go test gives it.
func isTestBinary(program string) bool {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		return strings.HasSuffix(info.Path, ".test")
	}
	return strings.HasSuffix(strings.TrimSuffix(filepath.Base(program), ".exe"), ".test")
}

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
