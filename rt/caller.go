package rt

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/loopgen/loopgen/rt/internal/sock"
)

// Caller is the process that called a method.
type Caller struct {
	// PID is the process that connected, 0 if it is not to be known. On a Unix
	// socket that is what the kernel says: 0 if the caller is in a PID namespace
	// that the daemon does not see, and on FreeBSD. On TCP, where it does not
	// say, and on Windows it is what the caller says of itself.
	PID int
	// UID is the user in whose name the process connected, on a Unix socket by
	// the word of the kernel. On TCP it is the daemon's own: no other can read
	// the key. On Windows it is -1.
	UID int
	// Executable is the file of the program that the process ran when it
	// connected, as /proc/<pid>/exe names it; with " (deleted)" behind it if it
	// was removed since. It is empty where that is not to be known: on other
	// systems than Linux, on TCP, of a process that has ended already and, for a
	// daemon that is not root's, of another user's. It serves logs and messages;
	// a process may run another program a moment later.
	Executable string
}

// CallerFrom returns who makes the call whose context this is. Any context that
// a method of a shared object was given will do, and any that was derived from
// it. It was asked once, when the caller's connection was admitted. ok is false
// for other contexts: the constructor's, and that of a method which the daemon
// calls in the place of a client that is gone.
func CallerFrom(ctx context.Context) (c Caller, ok bool) {
	s, ok := ctx.Value(callerKey{}).(*serverConn)
	if !ok {
		return Caller{}, false
	}
	return s.caller, true
}

// callerKey is the key of a call's connection in its context.
type callerKey struct{}

// peer is the process at the other end of a connection.
type peer struct {
	sock.Peer

	refused string // why it may not call; empty: it may
	full    string // why the daemon has no room for it as a client; empty: it has, as far as is known
}

// caller describes the peer, which says of itself that its process is stated.
func (p peer) caller(stated int) Caller {
	if !p.Known {
		return Caller{PID: stated, UID: os.Geteuid()}
	}
	c := Caller{PID: p.PID, UID: p.UID}
	if p.PID != 0 {
		c.Executable, _ = os.Readlink("/proc/" + strconv.Itoa(p.PID) + "/exe")
	}
	return c
}

// thisUser returns the peer of a connection, and an error unless it is this very
// user. Root is no exception: a daemon of root must not run what others ask of
// it, nor hand its secrets to a daemon of theirs. TCP knows no user; there the
// handshake has to do.
func thisUser(conn net.Conn) (peer, error) {
	kernel, err := sock.PeerOf(conn)
	p := peer{Peer: kernel}
	switch {
	case err != nil:
		return peer{}, fmt.Errorf("%w: cannot tell whose socket it is: %w", ErrAuth, err)
	case p.Known && p.UID != os.Geteuid():
		return peer{}, fmt.Errorf("%w: the peer is user %d, this is user %d", ErrAuth, p.UID, os.Geteuid())
	}
	return p, nil
}
