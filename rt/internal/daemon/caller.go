package daemon

import (
	"context"
	"os"
	"strconv"

	"github.com/loopgen/loopgen/rt/internal/sock"
)

// Caller is the process that called a method.
type Caller struct {
	PID        int    // 0 if it is not to be known
	UID        int    // -1 if it is not to be known
	Executable string // empty if it is not to be known
}

// CallerFrom returns who makes the call whose context this is; ok is false for a
// context of no call.
func CallerFrom(ctx context.Context) (c Caller, ok bool) {
	s, ok := ctx.Value(callerKey{}).(*serverConn)
	if !ok {
		return Caller{}, false
	}
	return s.caller, true
}

// callerKey is the key of a call's connection in its context.
type callerKey struct{}

// Peer is the process at the other end of a connection.
type Peer struct {
	sock.Peer

	Refused string // why it may not call; empty: it may
	Full    string // why the daemon has no room for it as a client; empty: it has, as far as is known
}

// caller describes the peer, which says of itself that its process is stated.
func (p Peer) caller(stated int) Caller {
	if !p.Known {
		return Caller{PID: stated, UID: os.Geteuid()}
	}
	c := Caller{PID: p.PID, UID: p.UID}
	if p.PID != 0 {
		c.Executable, _ = os.Readlink("/proc/" + strconv.Itoa(p.PID) + "/exe")
	}
	return c
}
