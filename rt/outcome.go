package rt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// readFailure decodes the body of an error frame.
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
		return failure{outcome, withTurnHolder(context.Canceled, f), false}
	case wire.FailureDeadline:
		return failure{outcome, withTurnHolder(context.DeadlineExceeded, f), false}
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
	case wire.FailureLostChange:
		kind = errLostChange
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

// withTurnHolder adds to err the call that held the turn, if the daemon names it.
func withTurnHolder(err error, f wire.Failure) error {
	if f.Blocked == "" {
		return err
	}
	return fmt.Errorf("%w while %s", err, f.Blocked)
}

// startFailure returns the error in a report, for every client that waited for the start.
// It returns nil if the report has another configuration or program than this client's:
// then a start by this client may succeed.
func (c *client) startFailure(b []byte, program string) error {
	var r start.Report
	if err := wire.UnmarshalOpen(b, &r); err != nil {
		return c.startError(StageSpawn, fmt.Errorf("decode the daemon's report: %w", err))
	}
	if r.Config != c.config || string(r.Program) != program {
		return nil
	}
	var cause error
	if d, err := stub.NewDecoder(c.svc, r.Err); err == nil {
		cause = d.Error()
	}
	switch {
	case r.Stack != "" && r.Stage == start.StageConstructor:
		cause = &PanicError{Value: r.Panic, Stack: r.Stack}
	case r.ServeNotCalled && r.Late:
		r.Stage, cause = start.StageSpawn, fmt.Errorf("%s, which Config.Command names, was killed after %v (Config.StartTimeout): %w", program, c.cfg.StartTimeout, ErrHookMissing)
	case r.ServeNotCalled && program != "":
		r.Stage, cause = start.StageSpawn, fmt.Errorf("%s, which Config.Command names: %w", program, ErrHookMissing)
	case r.ServeNotCalled:
		r.Stage, cause = start.StageSpawn, hookMissing() // the child is this program
	case cause == nil:
		cause = errors.New("unknown reason")
	}
	return &StartError{
		Service: c.svc.Name, Name: c.cfg.Name, Stage: Stage(r.Stage), Err: cause,
		Stack: r.Stack, ExitCode: r.ExitCode, Log: cmp.Or(r.Log, string(r.RawLog)), LogTail: r.LogTail,
	}
}

// exitReport returns the report for a child that ended or was killed before it reported.
// It returns the child's exit, too, if a signal ended the child.
func exitReport(err error, program, path string, from int64, timeout time.Duration) (start.Report, *process.ExitError) {
	r := start.Report{Stage: start.StageConstructor, Program: []byte(program), Log: path}
	var exit, killed *process.ExitError
	switch {
	case errors.As(err, &exit):
		r.ExitCode = exit.Code
		r.LogTail = tail(path, from)
		if exit.Signal != 0 {
			killed = exit
		}
		r.ServeNotCalled = exit.Code == process.ExitUnclaimed
		err = fmt.Errorf("the process ended before it served: %w", err)
		if program != "" {
			r.Stage = start.StageSpawn // Config.Command may name any program
			err = fmt.Errorf("%w; does %s, which Config.Command names, call rt.ServeIfDaemon first in main?", err, program)
		}
	case errors.Is(err, context.DeadlineExceeded):
		r.Late = true
		err = fmt.Errorf("the daemon was not ready after %v (Config.StartTimeout), its constructor may still have run, and was killed: %w", timeout, err)
	default:
		r.Stage = start.StageSpawn
	}
	r.Err = start.EncodeCause(nil, err)
	return r, killed
}

// killedTwice returns the error of a start whose two daemons were ended by signals.
func killedTwice(first, second *process.ExitError) error {
	return fmt.Errorf("the process ended before it served, and so did the one before it: process %d was ended by a signal (%v), then process %d was ended by a signal (%v); check whether the machine runs out of memory (dmesg) or someone kills them, and connect again",
		first.PID, first.Signal, second.PID, second.Signal)
}

// tail returns the end of the log at path, from an offset on, 4 KiB at most.
func tail(path string, from int64) string {
	const most = 4 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	b := make([]byte, min(max(size-from, 0), most))
	n, _ := f.ReadAt(b, size-int64(len(b)))
	return strings.ToValidUTF8(string(b[:n]), "\uFFFD")
}
