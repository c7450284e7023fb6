package rt

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/host"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/stub"
)

// ServeIfDaemon serves and never returns in a process that was started as a daemon. In
// any other process it returns at once. Call it in the first line of main and of
// TestMain: the daemon also runs the code before the call, as it runs package
// initialisation. Without the call Connect returns ErrHookMissing. If Connect is
// reached in a process that was started as a daemon, it ends that process.
// ServeIfDaemon may be called concurrently.
//
// A service of a package generated with loopgen -hook init is served before main begins
// and does not need the call.
func ServeIfDaemon() {
	stub.CloseRegistry()
	self.ServeCalled.Store(true)
	parent := startedAsDaemon()
	if parent == nil {
		return
	}
	self.Starting.Store(true)
	os.Exit(host.Serve(parent))
}

// startedAsDaemon returns the process that started this one as a daemon, or nil if this
// process is no daemon. It ends a process that has a daemon's marker and no such
// parent.
func startedAsDaemon() *process.Parent {
	parent, err := process.Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, "loopgen:", err)
		os.Exit(host.ExitForged)
	}
	return parent
}

// hookMissing returns an error that wraps ErrHookMissing. Its text names this program,
// which does not call ServeIfDaemon, and the place for the call.
func hookMissing() error {
	program := process.Executable()
	if isTestBinary(program) {
		return kindError{ErrHookMissing, fmt.Errorf("rt.ServeIfDaemon was not called in the test binary %s: "+
			"declare func TestMain(m *testing.M) { rttest.Main(m) } in the package's tests (import github.com/loopgen/loopgen/rt/rttest), "+
			"or make the call the first line of the TestMain there", program)}
	}
	return kindError{ErrHookMissing, fmt.Errorf("rt.ServeIfDaemon was not called in %s: make it the first line of main", program)}
}

// isTestBinary reports whether go test built the running program. The file may have
// been renamed since, so the build information counts more than the name.
func isTestBinary(program string) bool {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		return strings.HasSuffix(info.Path, ".test")
	}
	return strings.HasSuffix(strings.TrimSuffix(filepath.Base(program), ".exe"), ".test")
}

// initHooks has the services whose packages have called ServeIfDaemonOf. A child of
// this program serves them without a call in main.
var initHooks struct {
	sync.Mutex
	services map[*stub.Service]bool
}

// ServeIfDaemonOf is for generated code only: loopgen -hook init puts the call at the
// end of the init function that completes s. In a process that was started as the
// daemon of s it serves and never returns. In any other process, such as the daemon of
// another service, it returns at once, and a later ServeIfDaemon works as usual. It may
// be called concurrently.
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

// noHook returns the reason why a child of this program would not serve s, or nil if it
// would.
func noHook(s *stub.Service) error {
	switch {
	case self.ServeCalled.Load() || hasInitHook(s):
		return nil
	case !self.ServesInInit.Load():
		return hookMissing()
	case s.New == nil:
		return fmt.Errorf("this daemon serves from an init function, before that of %s has run: give the generated file of that type a name that sorts first (loopgen -output)", cut.Name(s.Name))
	}
	return kindError{ErrHookMissing, fmt.Errorf("this daemon serves from an init function, and main has not run: generate %s with loopgen -hook init, too", cut.Name(s.Name))}
}
