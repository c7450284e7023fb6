package stub

import (
	"context"
	"time"
)

// ImplicitTimeout bounds a proxy's calls of methods that fmt, json and log call
// unasked, such as String: with the wait for the daemon's verdict such a call
// takes a second at most.
const ImplicitTimeout = 900 * time.Millisecond

// Run is one call while it is served. It belongs to the goroutine that serves
// the call.
type Run struct {
	// Caller says who calls.
	Caller Caller
	// Args holds the arguments, positional.
	Args *Decoder
	// Results takes the results, positional.
	Results *Encoder
	// Failed is set by a method with an End, or that is one, which has acquired
	// or ended nothing.
	Failed bool

	host  Host
	begun bool
	err   error
}

// Host is where a run takes place.
type Host interface {
	// Context returns the context of the call. It ends when the caller cancels,
	// its deadline passes or its connection is gone.
	Context() context.Context
	// Turn waits until it is the call's turn. An error says why that will never be.
	Turn() error
}

// Caller identifies who made a call.
type Caller struct {
	PID  int    // the client's process
	Conn uint64 // the connection, never used again in the daemon's life
	Call uint64 // the call's id in that connection
}

// MakeRun returns a run that takes place in host.
func MakeRun(host Host, caller Caller, args *Decoder, results *Encoder) Run {
	return Run{Caller: caller, Args: args, Results: results, host: host}
}

// Context returns the context to hand to a method that takes one.
func (r *Run) Context() context.Context { return r.host.Context() }

// Begin is called when all arguments are decoded. It waits for the turn and
// reports whether the method is to be called; if not, Err says why. What
// aliases the object may be touched only after Begin returned true.
func (r *Run) Begin() bool {
	if r.err = r.Args.End(); r.err != nil {
		return false
	}
	r.err = r.host.Turn()
	r.begun = r.err == nil
	return r.begun
}

// Begun reports whether Begin returned true: the method was called.
func (r *Run) Begun() bool { return r.begun }

// Err returns why Begin returned false.
func (r *Run) Err() error { return r.err }
