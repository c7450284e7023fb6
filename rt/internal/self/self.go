// Package self describes this process: whether it has called rt.ServeIfDaemon, whether it
// is a daemon, and which program it runs. It may touch the process's own state, its
// environment and its program's file. Client and daemon in one process read and set the
// variables here, and the package imports neither. All functions may be called
// concurrently.
package self

import (
	"sync"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
)

var (
	// ServeCalled is set once rt.ServeIfDaemon was called.
	ServeCalled atomic.Bool
	// ServesInInit is set in a daemon that serves from an init function. Its main has
	// not run, so it is unknown whether main calls rt.ServeIfDaemon.
	ServesInInit atomic.Bool
	// Starting is set in a daemon that does not serve yet.
	Starting atomic.Bool
	// Serving is the singleton whose daemon this process is; nil: none.
	Serving atomic.Pointer[Singleton]
)

// Singleton says where the files of a singleton are.
type Singleton struct {
	Path  string // the singleton's directory
	Base  string // the base directory
	Scope string // in full, as in the start request
}

// Program returns the description of this program, or the error of the first call.
var Program = sync.OnceValues(process.OwnProgram)

var fromGoCommand = sync.OnceValue(process.FromGoCommand)

// DevRequested reports whether LOOPGEN_DEV asks to replace the daemons of earlier builds.
func DevRequested() bool { return rundir.Getenv("LOOPGEN_DEV") == "1" }

// Developing reports whether this process compares its program with the daemon's.
func Developing() bool { return fromGoCommand() || DevRequested() }

// ProgramLine returns the description of this program for the endpoint, or the zero value
// if Program fails.
func ProgramLine() rundir.ProgramLine {
	p, err := Program()
	if err != nil {
		return rundir.ProgramLine{} // to clients, a program of another main package
	}
	return rundir.ProgramLine(p)
}
