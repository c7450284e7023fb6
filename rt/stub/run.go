package stub

import (
	"context"
	"time"
)

// ImplicitTimeout limits a proxy's calls of methods that fmt, json and log call on
// their own, such as String. With the wait for the daemon's answer such a call takes at
// most a second.
const ImplicitTimeout = 900 * time.Millisecond

// Run is one call in the daemon. Only the goroutine that serves the call may use it.
type Run struct {
	// Args decodes the arguments, in order.
	Args *Decoder
	// Results encodes the results, in order.
	Results *Encoder
	// Failed reports that the method has acquired or released nothing. Only a method
	// with an End, or the method that End names, sets it.
	Failed bool

	host  Host
	begun bool
	err   error
}

// Host is the environment of a run, such as the daemon.
type Host interface {
	// Context returns the context of the call. It ends when the caller cancels the
	// call, its deadline passes, its connection ends, or the daemon shuts down at once.
	Context() context.Context
	// Turn waits for the turn of the call. It returns an error if the call will never
	// get the turn.
	Turn() error
}

// MakeRun returns a run in host.
func MakeRun(host Host, args *Decoder, results *Encoder) Run {
	return Run{Args: args, Results: results, host: host}
}

// Context returns the context for a method that takes one.
func (r *Run) Context() context.Context { return r.host.Context() }

// Begin waits for the turn. Call it after all arguments are decoded. It reports whether
// the method may be called; if not, Err returns the reason. Values that alias the
// object may be used only after Begin has returned true.
func (r *Run) Begin() bool {
	if r.err = r.Args.End(); r.err != nil {
		return false
	}
	r.err = r.host.Turn()
	r.begun = r.err == nil
	return r.begun
}

// Begun reports whether Begin returned true, that is, whether the method was called.
func (r *Run) Begun() bool { return r.begun }

// Err returns the reason why Begin returned false, otherwise nil.
func (r *Run) Err() error { return r.err }
