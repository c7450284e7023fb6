package stub

import (
	"context"
	"fmt"
	"reflect"
	"runtime"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// Conn is a client's handle on a connection. Package rt implements it. All methods may be
// called concurrently.
type Conn interface {
	// Begin begins a call of the method with that name. It returns a *rt.CallError if
	// the service has no such method, or no call can succeed.
	Begin(method string) (Exchange, error)
	// Close closes the handle: later calls through it fail with rt.ErrClosed. It does
	// not affect other handles or the connection. Close is idempotent and returns nil.
	Close() error
}

// Exchange is one call in the client. Only one goroutine may use it.
type Exchange interface {
	// Args returns the encoder of the arguments.
	Args() *Encoder
	// Send sends the arguments and waits for the results. It returns a *rt.CallError
	// if they do not arrive. After an error the exchange is over.
	Send(ctx context.Context) (*Decoder, error)
	// End checks that all results were decoded. It returns the method's own error, or a
	// *rt.CallError. It is called once after a Send that succeeded, even if the decoding
	// of a result panics.
	End() error
}

// Call calls the method with that name. The functions args and results may be nil. Call
// returns the method's own error as it is, and every other error as a *rt.CallError. It
// may be called concurrently.
func Call(ctx context.Context, c Conn, method string, args func(*Encoder), results func(*Decoder)) (err error) {
	defer runtime.KeepAlive(c) // an unreachable handle closes its connection
	x, err := c.Begin(method)
	if err != nil {
		return err
	}
	e := x.Args()
	if args != nil {
		args(e)
	}
	d, err := x.Send(ctx)
	if err != nil {
		return err
	}
	defer func() { err = x.End() }()
	if results != nil {
		results(d)
	}
	e.takeBack(d)
	return nil
}

// Call0 is Call for a method without results other than an error.
func Call0(ctx context.Context, c Conn, method string, args func(*Encoder)) error {
	return Call(ctx, c, method, args, nil)
}

// Call1 is Call for a method with one result besides an error.
func Call1[A any](ctx context.Context, c Conn, method string, args func(*Encoder)) (a A, err error) {
	err = Call(ctx, c, method, args, func(d *Decoder) { DecodeResult(d, &a) })
	return a, err
}

// Call2 is Call for a method with two results besides an error.
func Call2[A, B any](ctx context.Context, c Conn, method string, args func(*Encoder)) (a A, b B, err error) {
	err = Call(ctx, c, method, args, func(d *Decoder) {
		DecodeResult(d, &a)
		DecodeResult(d, &b)
	})
	return a, b, err
}

// Call3 is Call for a method with three results besides an error.
func Call3[A, B, C any](ctx context.Context, conn Conn, method string, args func(*Encoder)) (a A, b B, c C, err error) {
	err = Call(ctx, conn, method, args, func(d *Decoder) {
		DecodeResult(d, &a)
		DecodeResult(d, &b)
		DecodeResult(d, &c)
	})
	return a, b, c, err
}

// Args1 returns a function that encodes one argument. Args1, Args2 and Args3 are small
// enough to be inlined: the function and the arguments stay on the caller's stack.
func Args1[A any](a A) func(*Encoder) {
	return func(e *Encoder) { EncodeArg(e, a) }
}

// Args2 returns a function that encodes two arguments.
func Args2[A, B any](a A, b B) func(*Encoder) {
	return func(e *Encoder) { EncodeArg(e, a); EncodeArg(e, b) }
}

// Args3 returns a function that encodes three arguments.
func Args3[A, B, C any](a A, b B, c C) func(*Encoder) {
	return func(e *Encoder) { EncodeArg(e, a); EncodeArg(e, b); EncodeArg(e, c) }
}

// Must0 passes a call's error to rt.Config.OnFault, which panics by default. A proxy uses
// Must0 to Must3 for methods without an error result. A nil error is ignored.
func Must0(err error) {
	if err == nil {
		return
	}
	if e, ok := err.(interface{ Fault() }); ok { // *rt.CallError
		e.Fault()
		return
	}
	panic(err)
}

// Must1 returns the result of a call, and passes its error to [Must0].
func Must1[A any](a A, err error) A {
	Must0(err)
	return a
}

// Must2 returns the results of a call, and passes its error to [Must0].
func Must2[A, B any](a A, b B, err error) (A, B) {
	Must0(err)
	return a, b
}

// Must3 returns the results of a call, and passes its error to [Must0].
func Must3[A, B, C any](a A, b B, c C, err error) (A, B, C) {
	Must0(err)
	return a, b, c
}

// Refuse returns a function that encodes args and makes the call fail if it has options.
// Options are functions or other values of one process, so they are not sent: the daemon
// calls the method without them. name is the name of the parameter. args may be nil.
func Refuse[T any](args func(*Encoder), name string, options []T) func(*Encoder) {
	return func(e *Encoder) {
		if args != nil {
			args(e)
		}
		if len(options) > 0 && e.err == nil {
			e.fail(fmt.Errorf("%s: a %s cannot leave the process: call the method without options, or share a type whose method sets them in the daemon",
				name, cut.Name(reflect.TypeFor[T]().String())))
		}
	}
}
