package stub

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
	run.Failed = run.Failed || *err != nil
	run.Results.Error(*err)
}
