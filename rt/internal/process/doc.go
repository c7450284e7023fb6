// Package process starts a detached child that is this same program, or another
// one that has this package, hands it a payload, and waits for the one report that
// says whether it came up.
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
// # What the child is born with
//
// A session of its own without a terminal, so that neither its signals nor those
// to the parent's process group arrive; / as working directory; umask 077;
// standard input from the null device, standard output and error to the log;
// exactly the environment that the command says. Two pipes, for payload and
// report, close on its own exec, and no other descriptor of the parent's stays
// open: not even those that the parent itself inherited or that C code made
// without close-on-exec, which the parent lists in the marker. What is inherited
// as it was: user, limits, priority, control group.
//
// The marker is the environment variable LOOPGEN_DAEMON. It is removed, and all
// of this is done, when the package is initialised, before main. A program whose
// main then claims nothing is ended by a deadman after ten seconds: it was not
// made to be a daemon. Peek reads the payload without claiming, for code that serves
// only some payloads.
//
// # Reading order
//
// start.go and child.go (the parent's side), inherit.go and parent.go (the
// child's side), marker.go and message.go (what passes between them), build.go,
// program.go; then one file per system and verb.
package process

// The compiler reports only that package on systems that this one is not for.
import _ "github.com/loopgen/loopgen/rt/internal/platform"
