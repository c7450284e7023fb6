package start

import (
	"errors"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// maxReport bounds a start report, so that it fits into the start file, and into the
// buffer of a pipe as a whole.
const maxReport = 48 << 10

// Encode encodes a report and shortens its long texts. A report that is still too long, or
// cannot be encoded, becomes one without Panic, Stack and LogTail, whose Err says so.
// Encode does not fail, and may be called concurrently.
func Encode(r Report) []byte {
	if !utf8.ValidString(r.Log) {
		r.Log, r.RawLog = "", []byte(r.Log)
	}
	r.Stack = cut.End(r.Stack, 16<<10)
	r.Panic = cut.End(r.Panic, 4<<10)
	r.LogTail = cut.End(r.LogTail, 8<<10)
	b, err := wire.Marshal(r)
	if err != nil || len(b) > maxReport {
		b, _ = wire.Marshal(Report{Stage: r.Stage, ExitCode: r.ExitCode, Log: r.Log, RawLog: r.RawLog, Config: r.Config, Program: r.Program, Err: EncodeCause(nil, errors.New("the reason is too long; see the log"))})
	}
	return b
}

// EncodeCause encodes an error. The client can test it with errors.Is if the error table
// of svc has it; svc may be nil. An error that cannot be encoded becomes its text.
// EncodeCause may be called concurrently.
func EncodeCause(svc *stub.Service, err error) []byte {
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
