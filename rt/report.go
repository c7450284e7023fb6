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
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// maxReport bounds a start report: it fits into the start file and, as a whole,
// into a pipe.
const maxReport = 48 << 10

// encodeReport encodes a report, with its longest texts cut to what fits.
func encodeReport(r startReport) []byte {
	if !utf8.ValidString(r.Log) {
		r.Log, r.RawLog = "", []byte(r.Log)
	}
	r.Stack = cut.End(r.Stack, 16<<10)
	r.Panic = cut.End(r.Panic, 4<<10)
	r.LogTail = cut.End(r.LogTail, 8<<10)
	b, err := wire.Marshal(r)
	if err != nil || len(b) > maxReport {
		b, _ = wire.Marshal(startReport{Stage: r.Stage, ExitCode: r.ExitCode, Log: r.Log, RawLog: r.RawLog, Config: r.Config, Program: r.Program, Err: encodeCause(nil, errors.New("the reason is too long; see the log"))})
	}
	return b
}

// encodeCause encodes an error so that its identity survives, as far as svc's
// table has it.
func encodeCause(svc *stub.Service, err error) []byte {
	if svc == nil {
		svc = &stub.Service{}
	}
	e := stub.NewEncoder(svc, 16<<10)
	e.Error(err)
	b, eerr := e.Finish()
	if eerr != nil {
		e = stub.NewEncoder(svc, 16<<10)
		e.Error(errors.New(cut.End(usercode.Text(err), 4<<10)))
		b, _ = e.Finish()
	}
	return b
}

// startFailure turns a report into the error that every client gets that waited
// for the start with the same configuration, of the same program. The others get
// nil: they may be luckier.
func (c *client) startFailure(b []byte, program string) error {
	var r startReport
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
	case r.Stack != "" && r.Stage == StageConstructor:
		cause = &PanicError{Value: r.Panic, Stack: r.Stack}
	case r.Unhooked && r.Late:
		r.Stage, cause = StageSpawn, fmt.Errorf("%s, which Config.Command names, was killed after %v (Config.StartTimeout): %w", program, c.cfg.StartTimeout, ErrHookMissing)
	case r.Unhooked && program != "":
		r.Stage, cause = StageSpawn, fmt.Errorf("%s, which Config.Command names: %w", program, ErrHookMissing)
	case r.Unhooked:
		r.Stage, cause = StageSpawn, hookMissing() // the child is this program
	case cause == nil:
		cause = errors.New("unknown reason")
	}
	return &StartError{
		Service: c.svc.Name, Name: c.cfg.Name, Stage: r.Stage, Err: cause,
		Stack: r.Stack, ExitCode: r.ExitCode, Log: cmp.Or(r.Log, string(r.RawLog)), LogTail: r.LogTail,
	}
}

// exitReport describes a child that ended, or was ended, without a report.
func exitReport(err error, program, path string, from int64, timeout time.Duration) startReport {
	r := startReport{Stage: StageConstructor, Program: []byte(program), Log: path}
	var exit *process.ExitError
	switch {
	case errors.As(err, &exit):
		r.ExitCode = exit.Code
		r.LogTail = tail(path, from)
		if exit.Signal != 0 {
			r.killed = exit
		}
		r.Unhooked = exit.Code == process.ExitUnclaimed
		err = fmt.Errorf("the process ended before it served: %w", err)
		if program != "" {
			r.Stage = StageSpawn // it may be any program
			err = fmt.Errorf("%w; does %s, which Config.Command names, call rt.ServeIfDaemon first in main?", err, program)
		}
	case errors.Is(err, context.DeadlineExceeded):
		r.Late = true
		err = fmt.Errorf("the daemon was not ready after %v (Config.StartTimeout), its constructor may still have run, and was killed: %w", timeout, err)
	default:
		r.Stage = StageSpawn
	}
	r.Err = encodeCause(nil, err)
	return r
}

// killedTwice is the error of a start whose two daemons were ended by signals.
func killedTwice(first, second *process.ExitError) error {
	return fmt.Errorf("the process ended before it served, and so did the one before it: process %d was ended by a signal (%v), then process %d was ended by a signal (%v); check whether the machine runs out of memory (dmesg) or someone kills them, and connect again",
		first.PID, first.Signal, second.PID, second.Signal)
}

// tail returns the last lines that were written to a log from an offset on.
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
