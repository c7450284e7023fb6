// Package usercode calls functions of the program that hosts this module, such as
// an Error or a String method, where their faults must not reach the caller. Such
// a function may panic, call runtime.Goexit, or never return. Each runs on a
// goroutine of its own, so it is for the paths of errors only.
//
// Nothing helps against a function that ends the process or overflows its stack.
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

// ErrLate is in the chain of an error of RunUntil when the function did not
// return in time. It may be running still.
var ErrLate = fmt.Errorf("did not return within %v", Limit)

// Panic is the error of a function that panicked or called runtime.Goexit.
type Panic struct {
	Value string // the panic's value, printed; empty for runtime.Goexit
	Stack string // where it panicked
}

// Error returns what the function did, as the end of a sentence.
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
	value    any    // it panicked with
	stack    string // and where; empty if it did not
}

// run calls f and waits for its end, or for late.
func run[T any](late <-chan time.Time, f func() T) (out outcome[T], ended bool) {
	done := make(chan outcome[T], 1) // nobody receives from it when f ends too late
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

// Run calls f on a goroutine of its own and returns its result. The error is a
// *Panic if f did not return one. Run may be called concurrently.
func Run[T any](f func() T) (T, error) {
	out, _ := run(nil, f)
	return out.end(time.Now().Add(Limit))
}

// RunUntil is Run for an f that must return by a moment, which is at most Limit
// away. If f has not returned by then, RunUntil does, with an error that wraps
// ErrLate, and leaves f to itself: f must change nothing that the caller uses.
// After that moment f is not called at all.
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

// end returns what Run returns. The panic's value is printed until a moment.
func (out *outcome[T]) end(until time.Time) (T, error) {
	switch {
	case out.returned:
		return out.result, nil
	case out.stack != "":
		return out.result, &Panic{Value: TextUntil(until, out.value), Stack: out.stack}
	}
	return out.result, &Panic{}
}

// Text returns what fmt.Sprint prints of v, or, in the manner of fmt, what its
// methods did instead of returning a text within Limit. It may be called
// concurrently.
func Text(v any) string { return TextUntil(time.Now().Add(Limit), v) }

// TextUntil is Text with another limit, as in RunUntil.
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
	case out.stack != "": // fmt prints one panic, but not that of a panic's value
		return fmt.Sprintf("%%!v(%s: a method panicked)", cut.Name(fmt.Sprintf("%T", v)))
	}
	return fmt.Sprintf("%%!v(%s: a method called runtime.Goexit)", cut.Name(fmt.Sprintf("%T", v)))
}

// The error types of the standard library whose methods return what they hold.
var inertErrors = map[reflect.Type]bool{
	reflect.TypeOf(errors.New("")):                               true,
	reflect.TypeOf(fmt.Errorf("%w", errors.ErrUnsupported)):      true,
	reflect.TypeOf(fmt.Errorf("%w%[1]w", errors.ErrUnsupported)): true,
}

// InertError reports whether err is of a type whose methods run no code of the
// program, so that they can be called directly.
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
