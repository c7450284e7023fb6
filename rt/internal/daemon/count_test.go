package daemon

import (
	"errors"
	"io"
	"maps"
	"net"
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

// Connections that are not admitted as clients are counted by reason.
func TestRefusedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Minute)
		conn, _ := d.dial(t)
		defer conn.Close()
		silent, theirs := net.Pipe()
		go d.ServeConn(theirs, Peer{})
		if _, err := silent.Read(make([]byte, 1)); err == nil {
			t.Error("the daemon greets first")
		}
		refused, theirs := net.Pipe()
		go d.refuseUser(theirs, Peer{Refused: "nobody"})
		io.Copy(io.Discard, refused)
		d.limits.clients = 1
		one, theirs := net.Pipe()
		go d.ServeConn(theirs, Peer{})
		defer one.Close()
		if _, err := wire.Greet(wire.NewReader(one, 1<<20), one, d.identity.Load().Key, wire.Hello{Incarnation: "i", Address: "a"}); err == nil {
			t.Error("one client too many was admitted")
		}
		synctest.Wait()
		want := map[string]uint64{"unauthenticated": 1, "not allowed": 1, "too many clients": 1}
		if _, got := d.stats.Connections(); !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
