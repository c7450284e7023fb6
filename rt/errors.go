package rt

import (
	"fmt"
	"path"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	remote "github.com/loopgen/loopgen/rt/internal/rt" // for its name: see there
)

// Error is implemented by every error that loopgen itself makes: [*CallError],
// [*StartError], [*PanicError] and the sentinels. An error that a method of a shared
// object returned never implements it, so this code distinguishes them:
//
//	var fault rt.Error
//	if errors.As(err, &fault) { … }
type Error interface {
	error
	// loopgen keeps other packages from implementing Error.
	loopgen()
}

// sentinel is an [Error] that callers compare with errors.Is.
type sentinel string

func (s sentinel) Error() string { return string(s) }
func (s sentinel) loopgen()      {}

// The sentinels. Compare with errors.Is: functions return a [*CallError] or a
// [*StartError] that wraps a sentinel and says more.
var (
	// ErrNotRunning: no daemon runs. Status and Shutdown never start one, and with
	// ScopeSystem nothing does but the service manager: start the service.
	ErrNotRunning Error = sentinel("no daemon is running")
	// ErrClosed: the Shared or the handle was closed. Make another one.
	ErrClosed Error = sentinel("the Shared or its client was closed: make another")
	// ErrIncompatible: the running daemon has another version of the type, or speaks
	// another protocol. Restart it, or build both programs from the same source. Or the
	// daemon serves another name, scope or type: then use another Config.Name, since
	// Restart and Shutdown do not affect that daemon.
	ErrIncompatible Error = sentinel("incompatible with the running daemon")
	// ErrConfigMismatch: the running daemon made its object with another constructor or
	// other arguments. Use another Config.Name or the same arguments, or shut the
	// daemon down first.
	ErrConfigMismatch Error = sentinel("the running daemon was started with another configuration")
	// ErrUnresponsive: the daemon holds its lock, so it lives, but it does not answer.
	// It may be stopped, or the machine overloaded. No second daemon is started.
	// Continue or kill the process that the text names.
	ErrUnresponsive Error = sentinel("the daemon does not respond")
	// ErrUnreachable: the daemon lives, but this process cannot reach its address, or
	// reaches something else at that address, because it is in another mount or network
	// namespace. The text names the address and what each side sees. Give both sides a
	// directory that they share, or one network namespace.
	ErrUnreachable Error = sentinel("the daemon cannot be reached from here")
	// ErrUnsafeDir: the owner or the mode of a directory of the singleton, or of one
	// above it, lets other users write to the directory or replace it. Change or remove
	// it, or use another base directory. loopgen does not change the directory.
	ErrUnsafeDir Error = sentinel("unsafe directory")
	// ErrTooLarge: the arguments or the results of a call do not fit into a frame of 16
	// MiB. Send less in one call.
	ErrTooLarge Error = sentinel("too large")
	// ErrDraining: the daemon is shutting down and accepts no more calls. The client
	// has retried the call until the context or StartTimeout ended. Retry later, or
	// call Shutdown with ShutdownNow.
	ErrDraining Error = sentinel("the daemon is leaving")
	// ErrHookMissing: the program does not call ServeIfDaemon, so it cannot become the
	// daemon. Call it first in main and in TestMain, give TestMain the body
	// rttest.Main(m), or generate the type with loopgen -hook init. The text names the
	// program.
	ErrHookMissing Error = sentinel("rt.ServeIfDaemon was not called: make it the first line of main and of TestMain")
	// ErrReentrant: code in the daemon tried to connect to the daemon's own object, and
	// would wait forever. Call the object's method directly.
	ErrReentrant Error = sentinel("the daemon cannot be a client of itself: call the object's method directly")
	// ErrTooManyClients: the daemon has as many connections as it admits (1024), or no
	// file descriptor for another one. Or, with ScopeSystem, it has as many connections
	// of this user as it admits (768), or of all users but its own (960). Close
	// clients, or raise the limit that the error names.
	ErrTooManyClients Error = sentinel("too many clients")
	// ErrAuth: the process that listens at the daemon's address is not the daemon, or
	// runs as another user. Find out which process it is.
	ErrAuth Error = sentinel("authentication failed")
	// ErrNotAllowed: the daemon of another user (ScopeSystem) does not admit this user,
	// or rejects its Shutdown. See Config.AllowUsers.
	ErrNotAllowed Error = sentinel("not allowed")
	// ErrBadArguments: the daemon could not decode the arguments and did not call the
	// method. Build both programs from the same source.
	ErrBadArguments Error = sentinel("bad arguments")
	// ErrNoMethod: the daemon's version of the type does not have the method. Restart
	// the daemon with this program.
	ErrNoMethod Error = sentinel("no such method")
	// ErrEncode: a value cannot be sent without a change: a cycle, a string that is not
	// UTF-8, and others. The text names the value.
	ErrEncode Error = sentinel("cannot be encoded")
)

// errLostChange: with LOOPGEN_CHECK=1, a method changed an argument that is not copied
// back. The daemon's text names the argument.
var errLostChange Error = sentinel("the method changed an argument, and the change stays in the daemon; say //loopgen:inout to copy the argument back, or //loopgen:in to keep the change there")

// errWindow: the daemon rejected a call because the connection had too many outstanding
// calls. Clients wait before they send, so only a faulty client gets this error.
var errWindow Error = sentinel("too many outstanding calls on the connection")

// Outcome says whether a failed call was executed, as far as the client knows.
type Outcome uint8

const (
	// OutcomeUnknown: the call was sent and its reply was lost. The method may have
	// run, may be running, or may never run. The client does not retry the call, unless
	// the method is marked idempotent.
	OutcomeUnknown Outcome = iota
	// OutcomeNotSent: no complete request left this process.
	OutcomeNotSent
	// OutcomeNotExecuted: the daemon reports that it did not call the method.
	OutcomeNotExecuted
	// OutcomeExecuted: the method was called, but its result is lost.
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

// CallError reports a call that failed for a reason other than the method's own error.
type CallError struct {
	Method      string  // service and method: "example.com/counter.Counter.Inc"
	Outcome     Outcome // whether the method was executed
	Incarnation string  // identifies the object to which the call was sent; empty if there was none
	Err         error   // wraps a sentinel, a *PanicError, a *StartError, the context's or the system's error

	onFault func(*CallError) // Config.OnFault
}

// Error names the call and says why it failed and whether it was executed.
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
		cause = start.detail() // the name of the method includes the service
	}
	service, method := "", e.Method
	if i := strings.LastIndexByte(method, '.'); i >= 0 {
		service, method = cut.Name(method[:i])+".", method[i+1:]
	}
	return fmt.Sprintf("loopgen: %s%s: %s (%s)", service, cut.Name(method), cause, state)
}

// Unwrap returns Err.
func (e *CallError) Unwrap() error { return e.Err }

// Fault passes e to the Config.OnFault of the call's Shared, or panics with e if there is
// none. A proxy calls Fault if a method without an error result fails.
func (e *CallError) Fault() {
	if e.onFault == nil {
		panic(e)
	}
	e.onFault(e)
}

func (e *CallError) loopgen() {}

// StartError reports that a daemon could not be reached or started.
type StartError struct {
	Service  string // the import path and name of the type
	Name     string // the singleton's name
	Stage    Stage  // the stage that failed
	Err      error  // the cause; at StageConstructor the constructor's own error
	Stack    string // stack of the constructor if it panicked
	ExitCode int    // exit status of a child that exited before it served, otherwise 0
	Log      string // path of the daemon's log; empty if there is none
	LogTail  string // last lines of the log if the child exited by itself
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

// Error says which daemon could not be reached or started, at which stage, and why.
func (e *StartError) Error() string {
	return "loopgen: " + cut.Name(e.Service) + ": " + e.detail()
}

// detail is the message without the parts that a CallError repeats.
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

// PanicError reports a panic, or a call of runtime.Goexit, in a method, a constructor
// or Config.OnRestart. A panic of a method does not end the daemon.
type PanicError struct {
	Value string // the panic's value as text, or why there is no text: printing panicked or took more than a second
	Stack string // stack of the panic: in this process for OnRestart, otherwise in the daemon
	Log   string // path of the daemon's log if a method panicked; empty if there is none
}

// Error returns the panic's value, the file and line of the code that panicked, and the
// path of the log. It quotes a value of several lines. The stack is only in the field.
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

// RemoteError replaces an error of the daemon that this process cannot rebuild, because
// its type or its data is not available here. It is a struct:
//
//	type RemoteError struct {
//		Type    string // the error's Go type in the daemon, such as "*fmt.wrapError"
//		Message string // its text, at most 64 KiB
//		Err     error  // the wrapped error: nil, an error, or several made one by errors.Join
//	}
//
// *RemoteError is an error: Error returns Message and Unwrap returns Err. It does not
// change after it was made, so it may be used concurrently.
type RemoteError = remote.RemoteError

// kindError is an error that wraps its sentinel without repeating the sentinel's text.
type kindError struct {
	kind Error
	err  error
}

func (e kindError) Error() string   { return e.err.Error() }
func (e kindError) Unwrap() []error { return []error{e.kind, e.err} }

// panicPlace returns the file and line, as "counter.go:12", at which the program's code
// panicked or called runtime.Goexit. stack is the result of debug.Stack in the deferred
// function. panicPlace skips frames of the runtime and, if the stack tells them apart,
// of the standard library, because the fault is in the program. It returns "" if the
// stack has another form.
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
