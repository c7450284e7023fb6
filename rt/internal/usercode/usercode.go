// Package usercode calls functions of the program that contains this module, such as an
// Error or a String method, where their faults must not reach the caller. Such a function
// may panic, call runtime.Goexit, or never return. Each call runs on a goroutine of its
// own, which costs time, so the package is for errors only. The package itself touches
// nothing.
//
// It cannot protect against a function that ends the process or overflows its stack.
package usercode

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// Limit is how long a function that describes an error or another value may take.
const Limit = time.Second

// ErrLate is in the chain of an error of RunUntil when the function did not return in
// time. The function may still be running.
var ErrLate = fmt.Errorf("did not return within %v", Limit)

// Panic is the error of a function that panicked or called runtime.Goexit.
type Panic struct {
	Value string // the panic's value, printed; empty for runtime.Goexit
	Stack string // of the panic
}

// Error says that the function panicked, with the value, or that it called
// runtime.Goexit, as the end of a sentence.
func (p *Panic) Error() string {
	if p.Value == "" {
		return "called runtime.Goexit"
	}
	return "panicked: " + p.Value
}

// outcome is how a function ended.
type outcome[T any] struct {
	result   T
	returned bool
	value    any    // of the panic
	stack    string // of the panic; empty: none
}

// run calls f and waits until f has ended, or until late.
func run[T any](late <-chan time.Time, f func() T) (out outcome[T], ended bool) {
	done := make(chan outcome[T], 1) // buffered: when f ends too late, no goroutine receives
	go func() {                      // ends with f
		var out outcome[T]
		defer func() { done <- out }()
		defer func() {
			if v := recover(); v != nil {
				out.value, out.stack = v, string(debug.Stack())
			}
		}()
		out.result = f()
		out.returned = true
	}()
	select {
	case out = <-done:
		return out, true
	case <-late:
		return out, false
	}
}

// Run calls f on a goroutine of its own and returns its result. The error is a *Panic if f
// did not return. Run may be called concurrently.
func Run[T any](f func() T) (T, error) {
	out, _ := run(nil, f)
	return out.end(time.Now().Add(Limit))
}

// RunUntil is Run with a deadline, which is at most Limit away. If f has not returned by
// then, RunUntil returns ErrLate while f goes on running: f must change nothing that the
// caller uses. After the deadline RunUntil does not call f at all. It may be called
// concurrently.
func RunUntil[T any](until time.Time, f func() T) (T, error) {
	var none T
	left := time.Until(until)
	if left <= 0 {
		return none, ErrLate
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	out, ended := run(timer.C, f)
	if !ended {
		return none, ErrLate
	}
	return out.end(until)
}

// end returns the results of Run. Printing the panic's value may take until the deadline.
func (out *outcome[T]) end(until time.Time) (T, error) {
	switch {
	case out.returned:
		return out.result, nil
	case out.stack != "":
		return out.result, &Panic{Value: TextUntil(until, out.value), Stack: out.stack}
	}
	return out.result, &Panic{}
}

// Text returns the text that fmt.Sprint prints of v. If a method of v panics, calls
// runtime.Goexit or does not return within Limit, the text says so in the manner of fmt.
// Text may be called concurrently.
func Text(v any) string { return TextUntil(time.Now().Add(Limit), v) }

// TextUntil is Text with a deadline, as in RunUntil. It may be called concurrently.
func TextUntil(until time.Time, v any) string {
	if inert(v) {
		return fmt.Sprint(v)
	}
	left := time.Until(until)
	timer := time.NewTimer(max(left, 0))
	defer timer.Stop()
	var out outcome[string]
	ended := false
	if left > 0 {
		out, ended = run(timer.C, func() string { return fmt.Sprint(v) })
	}
	switch {
	case !ended:
		return fmt.Sprintf("%%!v(%s: a method %v)", cut.Name(fmt.Sprintf("%T", v)), ErrLate)
	case out.returned:
		return out.result
	case out.stack != "": // fmt recovers from one panic, but not from a panic in its value
		return fmt.Sprintf("%%!v(%s: a method panicked)", cut.Name(fmt.Sprintf("%T", v)))
	}
	return fmt.Sprintf("%%!v(%s: a method called runtime.Goexit)", cut.Name(fmt.Sprintf("%T", v)))
}

// inertErrors are the error types of the standard library whose methods call no code of
// the program.
var inertErrors = map[reflect.Type]bool{
	reflect.TypeOf(errors.New("")):                               true,
	reflect.TypeOf(fmt.Errorf("%w", errors.ErrUnsupported)):      true,
	reflect.TypeOf(fmt.Errorf("%w%[1]w", errors.ErrUnsupported)): true,
}

// InertError reports whether err is of a type whose methods run no code of the program, so
// that they can be called directly. It may be called concurrently.
func InertError(err error) bool { return inertErrors[reflect.TypeOf(err)] }

// inert reports whether printing v calls no method of the program.
func inert(v any) bool {
	switch v := v.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, uintptr, float32, float64, string:
		return true
	case error:
		return InertError(v)
	}
	return false
}
