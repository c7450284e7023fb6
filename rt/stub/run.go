package stub

import "context"

// Run is one call in the daemon. Only the goroutine that serves the call may use it.
type Run struct {
	// Args decodes the arguments, in order.
	Args *Decoder
	// Results encodes the results, in order.
	Results *Encoder
	// Failed reports that the method returned an error, or false as its last result
	// before the error. Such a method has acquired or released nothing.
	Failed bool

	method *Method
	place  int // of the next argument
	filled int // how many bytes the method has put into a buffer

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

// MakeRun returns a run of m in host.
func MakeRun(host Host, m *Method, args *Decoder, results *Encoder) Run {
	return Run{Args: args, Results: results, method: m, host: host}
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

// Return encodes the results of the method. A method without results needs no Return.
func (r *Run) Return(results func(*Run)) { results(r) }

// Begun reports whether Begin returned true, that is, whether the method was called.
func (r *Run) Begun() bool { return r.begun }

// Err returns the reason why Begin returned false, otherwise nil.
func (r *Run) Err() error { return r.err }
