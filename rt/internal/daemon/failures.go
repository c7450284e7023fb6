package daemon

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

// panicked describes a method that did not return.
func (d *Daemon) panicked(c *servedCall, value any) *wire.Failure {
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
	d.log.Error("panic", "method", method, "value", value, "stack", f.Stack, "caller", c.ticket.caller.PID)
	d.mu.Lock()
	d.lastPanic = fmt.Sprintf("%s %s: %s", time.Now().Format(time.RFC3339), method, value)
	d.mu.Unlock()
	return f
}

// notExecuted describes a call whose turn never came.
func (d *Daemon) notExecuted(err error) *wire.Failure {
	if _, ok := err.(*stub.DecodeError); ok { // it may hold an error of the program's, whose Is method is not asked
		return describe(&wire.Failure{Code: wire.FailureBadArguments, Text: "argument"}, func(f *wire.Failure) {
			f.Text = d.explain(err).Error()
		})
	}
	f := &wire.Failure{Code: wire.FailureBadArguments, Text: err.Error()}
	switch {
	case errors.Is(err, errDraining), errors.Is(err, errLeavingNow):
		f.Code = wire.FailureDraining
	case errors.Is(err, errCanceled), errors.Is(err, errClientGone):
		f.Code = wire.FailureCanceled
	case errors.Is(err, context.DeadlineExceeded):
		f.Code = wire.FailureDeadline
	case errors.Is(err, wire.ErrNotHeld):
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
		f.Text = encodeError(err).Error()
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

// explain completes the error of decoding an argument.
func (d *Daemon) explain(err error) error {
	var place *stub.DecodeError
	if errors.As(err, &place) && place.Index >= 0 {
		err = fmt.Errorf("%s %d: %w", "argument", place.Index+1, place.Err)
	}
	if d.options.Explain != nil {
		err = d.options.Explain(err)
	}
	return err
}

// encodeError says which result cannot be encoded.
func encodeError(err error) error {
	var place *stub.EncodeError
	if errors.As(err, &place) {
		return fmt.Errorf("%s %d: %w", "result", place.Index+1, place.Err)
	}
	return err
}
