package daemon

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// A method that returns false has acquired nothing, which is no error of its own.
func TestFalseIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Minute)
		returns := func(results func(*stub.Run)) func(*stub.Run, any) {
			return func(run *stub.Run, _ any) { stub.Serve0(run, func() { run.Return(results) }) }
		}
		d.svc.Methods[0].Serve = returns(stub.Results2(0, false))
		conn, r := d.dial(t)
		defer conn.Close()
		exchange(t, conn, r, rawFrame(wire.KindCall, 1, []byte{0x80}))
		if n := d.stats.Totals(0); n.Calls != 1 || n.Errors != 0 {
			t.Errorf("after false: %+v", n)
		}
		d.svc.Methods[0].Serve = returns(stub.Results2(false, errors.New("none")))
		exchange(t, conn, r, rawFrame(wire.KindCall, 2, []byte{0x80}))
		if n := d.stats.Totals(0); n.Calls != 2 || n.Errors != 1 {
			t.Errorf("after an error: %+v", n)
		}
	})
}
