package rt

import (
	"context"
	"fmt"

	"github.com/loopgen/loopgen/rt/internal/wire"
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
		return failure{outcome, wire.ErrNotHeld, false}
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
