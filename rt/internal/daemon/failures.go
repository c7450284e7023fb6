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

// panicked returns the failure of a call whose method panicked or called runtime.Goexit.
func (d *Daemon) panicked(c *servedCall, value any) *wire.Failure {
	f := &wire.Failure{Code: wire.FailurePanic, Executed: true, Value: usercode.Text(value), Stack: string(debug.Stack())}
	if value == nil {
		f.Code, f.Value = wire.FailureGoexit, "runtime.Goexit was called"
	}
	if !c.run.Begun() {
		f.Executed = false // the decoding of an argument panicked
		f.Code = wire.FailureBadArguments
		f.Text = f.Value
	}
	value = fmt.Sprintf("%.1000s", f.Value) // cut, since lastPanic keeps it
	method := cut.Name(c.method.Name)
	d.log.Error("panic", "method", method, "value", value, "stack", f.Stack, "caller", c.ticket.pid)
	d.mu.Lock()
	d.lastPanic = fmt.Sprintf("%s %s: %s", time.Now().Format(time.RFC3339), method, value)
	d.mu.Unlock()
	return f
}

// notExecuted returns the failure of a call whose method was not called.
func (d *Daemon) notExecuted(err error) *wire.Failure {
	if _, ok := err.(*stub.DecodeError); ok { // first: errors.Is below would call the Is method of a program's error in it
		return describe(&wire.Failure{Code: wire.FailureBadArguments, Text: "argument"}, func(f *wire.Failure) {
			f.Text = d.explain(err).Error()
		})
	}
	if r, ok := err.(refusal); ok {
		return r.failure
	}
	f := &wire.Failure{Code: wire.FailureBadArguments, Text: err.Error()}
	switch {
	case errors.Is(err, errDraining), errors.Is(err, errShutdownNow):
		f.Code = wire.FailureDraining
	case errors.Is(err, errCanceled), errors.Is(err, errClientGone):
		f.Code = wire.FailureCanceled
	case errors.Is(err, context.DeadlineExceeded):
		f.Code = wire.FailureDeadline
	}
	if blocked, ok := errors.AsType[*blockedError](err); ok {
		f.Text, f.Blocked = blocked.cause.Error(), blocked.blocker.String()
	}
	return f
}

// notEncoded returns the failure of a call with a result that cannot be encoded.
func notEncoded(err error) *wire.Failure {
	f := &wire.Failure{Code: wire.FailureNotEncodable, Executed: true, Text: "result"}
	return describe(f, func(f *wire.Failure) {
		f.Text = encodeError(err).Error()
		if errors.Is(err, stub.ErrTooLarge) {
			f.Code = wire.FailureTooLarge
		}
	})
}

// describe returns f as changed by complete. complete may call methods of the program's
// errors. If it does not return, describe adds that to the text of the unchanged f.
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

// explain adds the argument's number, and the text of Options.Explain, to an error of
// decoding arguments.
func (d *Daemon) explain(err error) error {
	var failed *stub.DecodeError
	if errors.As(err, &failed) && failed.Index >= 0 {
		err = fmt.Errorf("%s %d: %w", "argument", failed.Index+1, failed.Err)
	}
	if d.options.Explain != nil {
		err = d.options.Explain(err)
	}
	return err
}

// encodeError adds the result's number to an error of encoding results.
func encodeError(err error) error {
	var failed *stub.EncodeError
	if errors.As(err, &failed) {
		return fmt.Errorf("%s %d: %w", "result", failed.Index+1, failed.Err)
	}
	return err
}
