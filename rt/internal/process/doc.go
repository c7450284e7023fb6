// Package process starts a detached child, which runs this same program or another one that
// has this package. It sends the child a payload and waits for the one report that says
// whether the child serves. The package may touch processes, pipes, this process's
// environment and the program's file. It does not know the contents of payload and report.
//
// In the parent:
//
//	child, err := process.Start(process.Command{Env: os.Environ(), Log: log, Payload: payload})
//	report, err := child.Report(ctx) // or *ExitError, with child.Kill() on a timeout
//	child.Release()
//
// In the child, first thing in main:
//
//	if parent, err := process.Inherited(); parent != nil {
//		payload, err := parent.Payload()
//		…
//		parent.Report(message)
//	}
//
// # The state of a new child
//
// The child has a session of its own without a terminal, so that it gets neither the
// terminal's signals nor those to the parent's process group. Its working directory is /,
// its umask is 077. Standard input is the null device, standard output and error are the
// log. The environment is exactly that of the command. The two pipes for payload and report
// close when the child executes another program. No other descriptor of the parent stays
// open, not even one that the parent itself inherited or that C code opened without
// close-on-exec: the parent lists these in the marker. The child inherits user, limits,
// priority and control group.
//
// The marker is the environment variable LOOPGEN_DAEMON. When the package is initialised,
// before main, it removes the marker and does all of this. If the program's main then does
// not claim the start within ten seconds, a deadman ends the process: the program was not
// made to be a daemon. Peek reads the payload without claiming, for code that serves only
// some payloads.
//
// # Reading order
//
// start.go and child.go (the parent's side), inherit.go and parent.go (the child's side),
// marker.go and message.go (the data between them), build.go, program.go; then one file per
// system and verb.
package process

// On an unsupported system the compiler reports only that package.
import _ "github.com/loopgen/loopgen/rt/internal/platform"
