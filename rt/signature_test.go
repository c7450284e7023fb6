package rt_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/loopgen/loopgen/rt"
)

// Errors that implement fmt.Formatter print what Error returns with all verbs and
// flags, but for %+v and %#v.
func TestFormattedErrors(t *testing.T) {
	call := &rt.CallError{Method: "S.M", Outcome: rt.OutcomeNotSent, Err: rt.ErrClosed}
	start := &rt.StartError{Service: "S", Name: "n", Stage: rt.StageSpawn, Err: errors.New("why")}
	const said = "loopgen: S.M: the Shared or its client was closed: make another (not sent)"
	for _, test := range []struct {
		format string
		err    error
		want   string
	}{
		{"%v", call, said},
		{"%s", call, said},
		{"%+v", call, said},
		{"%q", call, `"` + said + `"`},
		{"%.12s", call, said[:12]},
		{"%#v", start, `&rt.StartError{Service:"S", Name:"n", Stage:"spawn", Err:(*errors.errorString)(` + fmt.Sprintf("%p", start.Err) + `), Stack:"", ExitCode:0, Log:"", LogTail:""}`},
		{"%v", start, `loopgen: S: "n": spawn: why`},
		{"%+v", start, `loopgen: S: "n": spawn: why`},
		{"%40s", start, `             loopgen: S: "n": spawn: why`},
		{"%v", (*rt.CallError)(nil), "<nil>"},
	} {
		if got := fmt.Sprintf(test.format, test.err); got != test.want {
			t.Errorf("%s\ngot  %s\nwant %s", test.format, got, test.want)
		}
	}
}
