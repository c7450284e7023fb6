package stub

import (
	"context"
)

// Serve0 waits for the turn of a call without arguments, or whose arguments are decoded.
// Then it runs call, which calls the method and encodes its results. If the call does not
// get its turn, Serve0 does nothing: see [Run.Begin].
func Serve0(run *Run, call func()) {
	if run.Begin() {
		call()
		run.sendBack() // nothing is left if a method's error was encoded
	}
}

// Serve1 decodes one argument for call. Otherwise it is like [Serve0].
func Serve1[A any](run *Run, call func(A)) {
	var a A
	DecodeArg(run, &a)
	Serve0(run, func() { call(a) })
}

// Serve2 decodes two arguments for call. Otherwise it is like [Serve0].
func Serve2[A, B any](run *Run, call func(A, B)) {
	var a A
	var b B
	DecodeArg(run, &a)
	DecodeArg(run, &b)
	Serve0(run, func() { call(a, b) })
}

// Serve3 decodes three arguments for call. Otherwise it is like [Serve0].
func Serve3[A, B, C any](run *Run, call func(A, B, C)) {
	var a A
	var b B
	var c C
	DecodeArg(run, &a)
	DecodeArg(run, &b)
	DecodeArg(run, &c)
	Serve0(run, func() { call(a, b, c) })
}

// Results1 returns a function that encodes the last result of a method. An error as last
// result is the method's own error. Results1, Results2 and Results3 are small enough to be
// inlined: the function and the results stay on the caller's stack.
func Results1[A any](a A) func(*Run) {
	return func(run *Run) { encodeLast(run, a) }
}

// Results2 returns a function that encodes the last two results of a method. Otherwise it
// is like [Results1].
func Results2[A, B any](a A, b B) func(*Run) {
	return func(run *Run) { EncodeResult(run, a); encodeLast(run, b) }
}

// Results3 returns a function that encodes the last three results of a method. Otherwise
// it is like [Results1].
func Results3[A, B, C any](a A, b B, c C) func(*Run) {
	return func(run *Run) { EncodeResult(run, a); EncodeResult(run, b); encodeLast(run, c) }
}

func encodeLast[R any](run *Run, r R) {
	err, ok := any(&r).(*error)
	if !ok {
		EncodeResult(run, r)
		return
	}
	run.sendBack()
	run.Erred = *err != nil
	run.Failed = run.Failed || run.Erred
	run.Results.Error(*err)
}

// Run is one call in the daemon. Only the goroutine that serves the call may use it.
type Run struct {
	// Args decodes the arguments, in order.
	Args *Decoder
	// Results encodes the results, in order.
	Results *Encoder
	// Failed reports that the method returned an error, or false as its last result
	// before the error. Such a method has acquired or released nothing.
	Failed bool
	// Erred reports that the method returned an error.
	Erred bool

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
