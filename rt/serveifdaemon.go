package rt

import (
	"fmt"
	"os"

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
