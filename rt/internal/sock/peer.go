package sock

import (
	"fmt"
	"net"
	"os"
)

// Peer is the process at the other end of a connection.
type Peer struct {
	Known bool // the connection is a Unix socket and the kernel reports its peer
	UID   int
	GID   int
	PID   int // 0: the kernel does not report it
}

// SameUser returns the peer of a connection, and an error if the peer is another user or
// its user cannot be determined. Root is no exception: root's daemon must not run calls
// of other users, and root's client must not send its secrets to another user's daemon.
// TCP reports no user, so there only the handshake authenticates the peer. SameUser may be
// called concurrently.
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
