package daemon

import (
	"context"
	"os"
	"strconv"

	"github.com/loopgen/loopgen/rt/internal/sock"
)

// Caller is the process that called a method.
type Caller struct {
	PID        int    // 0 if unknown
	UID        int    // -1 if unknown
	Executable string // empty if unknown
}

// CallerFrom returns the caller of the call that ctx belongs to. If ctx belongs to no
// call, ok is false.
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

	Refused string // why the daemon does not admit this user; empty: it does
	Full    string // why the process cannot have one more client; empty: it can
}

// caller returns the peer as a caller. stated is the process id in the peer's hello; it
// counts only if the kernel does not identify the peer.
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
