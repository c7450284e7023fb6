package rt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// readFailure turns the body of an error frame into what the caller gets.
func readFailure(body []byte) failure {
	f, err := wire.ParseFailure(body)
	if err != nil {
		return failure{OutcomeUnknown, err, false}
	}
	outcome := OutcomeNotExecuted
	if f.Executed {
		outcome = OutcomeExecuted
	}
	kind := error(nil)
	switch f.Code {
	case wire.FailurePanic, wire.FailureGoexit:
		return failure{outcome, &PanicError{Value: f.Value, Stack: f.Stack}, false}
	case wire.FailureDraining:
		return failure{outcome, ErrDraining, !f.Executed}
	case wire.FailureCanceled:
		return failure{outcome, givenUpIn(context.Canceled, f), false}
	case wire.FailureDeadline:
		return failure{outcome, givenUpIn(context.DeadlineExceeded, f), false}
	case wire.FailureBadArguments:
		kind = ErrBadArguments
	case wire.FailureNoMethod:
		kind = ErrNoMethod
	case wire.FailureWindow:
		kind = errWindow
	case wire.FailureTooLarge:
		kind = ErrTooLarge
	case wire.FailureNotEncodable:
		kind = ErrEncode
	case wire.FailureReentrant:
		kind = ErrReentrant
	case wire.FailureNotAllowed:
		kind = ErrNotAllowed
	case wire.FailureNotHeld:
		return failure{outcome, errNotHeld, false}
	default:
		return failure{outcome, fmt.Errorf("the daemon refused: %v: %s", f.Code, f.Text), false}
	}
	if f.Text == "" {
		return failure{outcome, kind, false}
	}
	return failure{outcome, fmt.Errorf("%w: %s", kind, f.Text), false}
}

// givenUpIn adds to err which call had the turn, if the daemon says so.
func givenUpIn(err error, f wire.Failure) error {
	if f.Blocked == "" {
		return err
	}
	return fmt.Errorf("%w while %s", err, f.Blocked)
}

// panicked describes a method that did not return.
func (d *daemon) panicked(c *servedCall, value any) *wire.Failure {
	f := &wire.Failure{Code: wire.FailurePanic, Executed: true, Value: usercode.Text(value), Stack: string(debug.Stack())}
	if value == nil {
		f.Code, f.Value = wire.FailureGoexit, "runtime.Goexit was called"
	}
	if !c.run.Begun() {
		f.Executed = false // a panic of the arguments' own decoding
		f.Code = wire.FailureBadArguments
		f.Text = f.Value
	}
	value = fmt.Sprintf("%.1000s", f.Value) // it may be long, and is kept
	method := cut.Name(c.method.Name)
	d.log.Error("panic", "method", method, "value", value, "stack", f.Stack, "caller", c.lease.caller.PID)
	d.mu.Lock()
	d.lastPanic = fmt.Sprintf("%s %s: %s", time.Now().Format(time.RFC3339), method, value)
	d.mu.Unlock()
	return f
}

// notExecuted describes a call whose turn never came.
func (d *daemon) notExecuted(err error) *wire.Failure {
	if _, ok := err.(*stub.DecodeError); ok { // it may hold an error of the program's, whose Is method is not asked
		return describe(&wire.Failure{Code: wire.FailureBadArguments, Text: "argument"}, func(f *wire.Failure) {
			f.Text = unknownInDaemon(decodeError("argument", err), d.endpoint.Load()).Error()
		})
	}
	f := &wire.Failure{Code: wire.FailureBadArguments, Text: err.Error()}
	switch {
	case errors.Is(err, ErrDraining), errors.Is(err, errLeavingNow):
		f.Code = wire.FailureDraining
	case errors.Is(err, errCanceled), errors.Is(err, errClientGone):
		f.Code = wire.FailureCanceled
	case errors.Is(err, context.DeadlineExceeded):
		f.Code = wire.FailureDeadline
	case errors.Is(err, errNotHeld):
		f.Code = wire.FailureNotHeld
	}
	if blocked, ok := errors.AsType[*blockedError](err); ok {
		f.Text, f.Blocked = blocked.cause.Error(), blocked.blocker.String()
	}
	return f
}

// notEncoded describes a result that cannot travel.
func notEncoded(err error) *wire.Failure {
	f := &wire.Failure{Code: wire.FailureNotEncodable, Executed: true, Text: "result"}
	return describe(f, func(f *wire.Failure) {
		f.Text = encodeError("result", err).Error()
		if errors.Is(err, stub.ErrTooLarge) {
			f.Code = wire.FailureTooLarge
		}
	})
}

// describe returns f as complete has changed it. If complete, which may call
// methods of the program's errors, does not return, f's text is what it describes.
func describe(f *wire.Failure, complete func(f *wire.Failure)) *wire.Failure {
	done, err := usercode.RunUntil(time.Now().Add(usercode.Limit), func() *wire.Failure {
		changed := *f
		complete(&changed)
		return &changed
	})
	if err == nil {
		return done
	}
	f.Text = fmt.Sprintf("%s: a method of its error %v", f.Text, err)
	return f
}
