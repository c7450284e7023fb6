package rt

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	remote "github.com/loopgen/loopgen/rt/internal/rt" // for its name: see there
)

// Error is satisfied by every error that loopgen itself makes: [*CallError],
// [*StartError], [*PanicError] and the sentinels. An error that a shared
// object's own method returned never satisfies it, so
//
//	var fault rt.Error
//	if errors.As(err, &fault) { … }
//
// tells the two apart.
type Error interface {
	error
	// loopgen keeps the interface closed.
	loopgen()
}

// sentinel is an [Error] that is compared, not inspected.
type sentinel string

func (s sentinel) Error() string { return string(s) }
func (s sentinel) loopgen()      {}

// The sentinels. Use errors.Is: what is returned is a [*CallError] or a
// [*StartError] around one of them that says more.
var (
	// ErrNotRunning: there is no daemon, and Status and Shutdown start none, nor
	// does anything with ScopeSystem.
	ErrNotRunning Error = sentinel("no daemon is running")
	// ErrClosed: the Shared, or the handle, was closed. Make another one.
	ErrClosed Error = sentinel("the Shared or its client was closed: make another")
	// ErrIncompatible: the running daemon was built from another version of
	// the type, or speaks another protocol. Restart it, or build both programs
	// from the same source. Or it belongs to another name, scope or type: choose
	// another Config.Name; Restart and Shutdown leave that daemon alone.
	ErrIncompatible Error = sentinel("incompatible with the running daemon")
	// ErrConfigMismatch: the running daemon made its object with another
	// constructor or other arguments. Use another Config.Name, the same
	// arguments, or shut it down first.
	ErrConfigMismatch Error = sentinel("the running daemon was started with another configuration")
	// ErrUnresponsive: the daemon lives, since it holds its lock, but does not
	// answer. It may be stopped or starved; no second one is started.
	ErrUnresponsive Error = sentinel("the daemon does not respond")
	// ErrUnreachable: the daemon lives, and its address means nothing, or something
	// else, to this process, which is in another mount or network namespace. The
	// text names the address and what both sides see. Give both a directory that
	// they share, or one network namespace.
	ErrUnreachable Error = sentinel("the daemon cannot be reached from here")
	// ErrUnsafeDir: a directory of the singleton, or one above it, has an owner or
	// a mode that lets other users in, or lets them exchange it. Change or remove
	// it, or use another base directory; loopgen does neither.
	ErrUnsafeDir Error = sentinel("unsafe directory")
	// ErrTooLarge: an argument or a result does not fit into a frame (16 MiB).
	ErrTooLarge Error = sentinel("too large")
	// ErrDraining: the daemon is leaving and takes no more calls. Calls are
	// tried again by themselves until the context or StartTimeout ends.
	ErrDraining Error = sentinel("the daemon is leaving")
	// ErrHookMissing: the program does not call ServeIfDaemon, so it cannot
	// become the daemon. Call it first in main, and in TestMain, or give TestMain
	// the body rttest.Main(m), or generate the type with loopgen -hook init. The
	// message names the program.
	ErrHookMissing Error = sentinel("rt.ServeIfDaemon was not called: make it the first line of main and of TestMain")
	// ErrReentrant: the daemon tried to be a client of itself, which would
	// wait for ever. Call the object's method directly.
	ErrReentrant Error = sentinel("the daemon cannot be a client of itself: call the object's method directly")
	// ErrTooManyClients: the daemon has as many connections as it admits (1024), or
	// as many of this user (768), who is not the one of a daemon of ScopeSystem, or no
	// descriptors for more. Close clients, or raise the limit that the error names.
	ErrTooManyClients Error = sentinel("too many clients")
	// ErrAuth: whoever listens at the daemon's address is not the daemon, or
	// belongs to another user.
	ErrAuth Error = sentinel("authentication failed")
	// ErrNotAllowed: the object belongs to another user (ScopeSystem), who does not
	// admit this one, or not for a Shutdown. See Config.AllowUsers.
	ErrNotAllowed Error = sentinel("not allowed")
	// ErrBadArguments: the daemon could not decode the arguments. The method
	// was not called.
	ErrBadArguments Error = sentinel("bad arguments")
	// ErrNoMethod: the daemon does not have the method.
	ErrNoMethod Error = sentinel("no such method")
	// ErrEncode: a value cannot travel exactly: a cycle, text that is not
	// UTF-8, and the like. The message names the value.
	ErrEncode Error = sentinel("cannot be encoded")
)

// errWindow: the daemon refused a call because the connection had too many
// outstanding. The client waits locally, so that only a faulty client sees it.
var errWindow Error = sentinel("too many outstanding calls on the connection")

// Outcome says what is known about whether a failed call was executed.
type Outcome uint8

const (
	// OutcomeUnknown: the call was sent and the answer lost. It may have been
	// executed, may be running still, or may never run. It is never repeated
	// for the caller, but for methods marked idempotent.
	OutcomeUnknown Outcome = iota
	// OutcomeNotSent: no complete request left this process.
	OutcomeNotSent
	// OutcomeNotExecuted: the daemon says that the method was not called.
	OutcomeNotExecuted
	// OutcomeExecuted: the method was called, but its result cannot be had.
	OutcomeExecuted
)

// String returns "unknown", "not sent", "not executed" or "executed".
func (o Outcome) String() string {
	switch o {
	case OutcomeUnknown:
		return "unknown"
	case OutcomeNotSent:
		return "not sent"
	case OutcomeNotExecuted:
		return "not executed"
	case OutcomeExecuted:
		return "executed"
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// CallError is a call that failed for a reason other than the method's own
// error. Err wraps one of the sentinels, a [*PanicError], a [*StartError], the
// context's error or what the system said.
type CallError struct {
	Method      string  // the service and the method: "example.com/counter.Counter.Inc"
	Outcome     Outcome // whether it was executed
	Incarnation string  // the object's life that the call was sent to; empty when there was none
	Err         error
}

// Error says which call failed, why, and whether it was executed.
func (e *CallError) Error() string {
	var state string
	switch e.Outcome {
	case OutcomeUnknown:
		state = "it is unknown whether it was executed"
	default:
		state = e.Outcome.String()
	}
	cause := fmt.Sprint(e.Err)
	if start, ok := e.Err.(*StartError); ok {
		cause = start.detail() // the method names the service already
	}
	service, method := "", e.Method
	if i := strings.LastIndexByte(method, '.'); i >= 0 {
		service, method = cut.Name(method[:i])+".", method[i+1:]
	}
	return fmt.Sprintf("loopgen: %s%s: %s (%s)", service, cut.Name(method), cause, state)
}

// Unwrap returns Err.
func (e *CallError) Unwrap() error { return e.Err }

func (e *CallError) loopgen() {}

// StartError is a daemon that could not be reached or started.
type StartError struct {
	Service  string // the import path and name of the type
	Name     string // the singleton's name
	Stage    Stage  // how far it came
	Err      error  // why; for StageConstructor the constructor's own error
	Stack    string // the constructor's stack, when it panicked
	ExitCode int    // the exit status of a child that ended before it served, else 0
	Log      string // the path of the daemon's log, empty when there is none
	LogTail  string // the last lines of that log, when the child ended by itself
}

// Stage is a step on the way to a connection.
type Stage string

// The stages, in order.
const (
	StageDirectory   Stage = "directory"   // find and check the singleton's directory
	StageConnect     Stage = "connect"     // reach a daemon that runs
	StageSpawn       Stage = "spawn"       // start the child process
	StageConstructor Stage = "constructor" // make the object
	StageListen      Stage = "listen"      // open the socket
	StagePublish     Stage = "publish"     // write the endpoint file
)

// Error says what could not be started, at which stage, and why.
func (e *StartError) Error() string {
	return "loopgen: " + cut.Name(e.Service) + ": " + e.detail()
}

// detail is the message without what a CallError says as well.
func (e *StartError) detail() string {
	var b strings.Builder
	if e.Name != e.Service {
		fmt.Fprintf(&b, "%q: ", cut.Name(e.Name))
	}
	fmt.Fprintf(&b, "%s: %v", e.Stage, e.Err)
	if e.Log != "" && e.LogTail == "" {
		fmt.Fprintf(&b, " (log: %s)", e.Log)
	}
	if e.Stack != "" {
		fmt.Fprintf(&b, "\n%s", strings.TrimRight(e.Stack, "\n"))
	}
	if e.LogTail != "" {
		fmt.Fprintf(&b, "\nlast lines of %s:\n%s", e.Log, strings.TrimRight(e.LogTail, "\n"))
	}
	return b.String()
}

// Unwrap returns Err.
func (e *StartError) Unwrap() error { return e.Err }

func (e *StartError) loopgen() {}

// PanicError is a panic, or a call of runtime.Goexit, in a method, a constructor
// or Config.OnRestart. The daemon lives on.
type PanicError struct {
	Value string // the panic's value, printed; if that took over a second or failed, how
	Stack string // where it happened: the daemon's, but for OnRestart
	Log   string // the path of the daemon's log, for a panic of a method; empty when there is none
}

// Error returns the panic's value, quoted if it has more than one line, the file and
// line of the code that panicked, and the path of the log. The stack is in the field.
func (e *PanicError) Error() string {
	text := "panicked: " + e.Value
	if strings.ContainsAny(e.Value, "\r\n") {
		text = fmt.Sprintf("panicked: %q", e.Value)
	}
	if place := panicPlace(e.Stack); place != "" {
		text += " at " + place
	}
	if e.Log != "" {
		text += "; the daemon's log is " + e.Log
	}
	return text
}

func (e *PanicError) loopgen() {}

// RemoteError stands for an error of the daemon that cannot be rebuilt in this
// process, because its type or its data is not available here. It is a struct:
//
//	type RemoteError struct {
//		Type    string // the error's Go type in the daemon, such as "*fmt.wrapError"
//		Message string // its text, at most 64 KiB
//		Err     error  // the wrapped error: nil, an error, or several made one by errors.Join
//	}
//
// *RemoteError is an error: Error returns Message and Unwrap returns Err. A
// RemoteError does not change after it was made.
type RemoteError = remote.RemoteError

// kindError is an error whose text already says what its sentinel means.
type kindError struct {
	kind Error
	err  error
}

func (e kindError) Error() string   { return e.err.Error() }
func (e kindError) Unwrap() []error { return []error{e.kind, e.err} }

// asCallError returns err as a *CallError, if it is one.
func asCallError(err error) *CallError {
	var ce *CallError
	errors.As(err, &ce)
	return ce
}

// panicPlace returns the file and line, as "counter.go:12", at which the code of the
// program panicked or called runtime.Goexit. stack is what debug.Stack returned in
// the deferred function. Frames of the runtime and, where the stack tells them apart,
// of the standard library are skipped: they are not where the program is at fault.
// The result is empty if the stack has another form.
func panicPlace(stack string) string {
	lines := strings.Split(stack, "\n")
	library := "" // the directory of the standard library; empty in a program built with -trimpath
	raised := false
	for i := 0; i+1 < len(lines); i++ {
		function := lines[i]
		file, isFile := strings.CutPrefix(lines[i+1], "\t")
		switch {
		case !isFile:
		case !raised:
			if raised = strings.HasPrefix(function, "panic(") || strings.HasPrefix(function, "runtime.Goexit("); raised {
				library, _, _ = strings.Cut(file, "runtime/panic.go:")
			}
		case strings.HasPrefix(function, "created by "):
			return ""
		case strings.HasPrefix(function, "runtime.") || library != "" && strings.HasPrefix(file, library):
		default:
			place, _, _ := strings.Cut(path.Base(file), " ")
			return place
		}
	}
	return ""
}
