package sock

import (
	"fmt"
	"net"
	"os"
)

// Peer is the process at the other end of a connection.
type Peer struct {
	Known bool // by the kernel: the connection is a Unix socket
	UID   int
	GID   int
	PID   int // 0: the kernel does not tell
}

// SameUser returns the peer of a connection, and an error unless the peer is this very
// user. Root is no exception: a daemon of root must not run what others ask of it, nor
// hand its secrets to a daemon of theirs. TCP knows no user; there the handshake has
// to do.
func SameUser(conn net.Conn) (Peer, error) {
	p, err := PeerOf(conn)
	switch {
	case err != nil:
		return Peer{}, fmt.Errorf("cannot tell whose socket it is: %w", err)
	case p.Known && p.UID != os.Geteuid():
		return Peer{}, fmt.Errorf("the peer is user %d, this is user %d", p.UID, os.Geteuid())
	}
	return p, nil
}
