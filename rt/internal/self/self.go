// Package self says what this process is to loopgen: whether it calls the hook, whether
// it is a daemon, and which program it runs. Client and daemon in one process learn it
// here; it knows neither.
package self

import (
	"sync"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
)

var (
	// Hooked is set once rt.ServeIfDaemon was called.
	Hooked atomic.Bool
	// ServesInInit is set in a daemon that serves from an init function. Its main has
	// not run, so nobody knows whether main calls rt.ServeIfDaemon.
	ServesInInit atomic.Bool
	// Starting is set in a daemon that does not serve yet.
	Starting atomic.Bool
	// Serving is the singleton that this process is the daemon of; nil: none.
	Serving atomic.Pointer[Singleton]
)

// Singleton says where a singleton is found.
type Singleton struct {
	Path  string // of its directory
	Base  string // the base directory
	Scope string // in full, as in the start request
}

// Program describes this program, once.
var Program = sync.OnceValues(process.OwnProgram)

var fromGoCommand = sync.OnceValue(process.FromGoCommand)

// DevRequested reports whether LOOPGEN_DEV asks to replace the daemons of earlier builds.
func DevRequested() bool { return rundir.Getenv("LOOPGEN_DEV") == "1" }

// Developing reports whether this process compares its program with the daemon's.
func Developing() bool { return fromGoCommand() || DevRequested() }

// ProgramLine describes this program for the endpoint; the zero value if it cannot be
// described.
func ProgramLine() rundir.ProgramLine {
	p, err := Program()
	if err != nil {
		return rundir.ProgramLine{} // clients take it for one of another main package
	}
	return rundir.ProgramLine(p)
}
