//go:build !linux && !darwin && !freebsd

package sock

import (
	"errors"
	"net"
)

// KnowsPeers reports whether PeerOf can know the peer of a Unix socket. This package has
// no code that asks this system's kernel.
const KnowsPeers = false

// PeerOf returns a Peer that is not Known. The socket's directory and the handshake keep
// other users out. It may be called concurrently.
func PeerOf(net.Conn) (Peer, error) { return Peer{}, nil }

// GroupsOf fails: no peer is known. It may be called concurrently.
func GroupsOf(net.Conn, Peer) ([]int, error) { return nil, errors.ErrUnsupported }
