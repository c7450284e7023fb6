//go:build linux || darwin || freebsd

package sock

import "net"

// KnowsPeers: the kernel tells who is at the other end of a Unix socket.
const KnowsPeers = true

// PeerOf returns the process at the other end of a Unix socket, as the kernel
// noted it when the socket was connected. It is not known for other
// connections.
func PeerOf(conn net.Conn) (p Peer, err error) {
	if c, ok := conn.(*net.UnixConn); ok {
		err = ask(c, func(fd int) (err error) { p, err = socketPeer(fd); return })
	}
	return p, err
}

// GroupsOf returns the groups of a peer.
func GroupsOf(conn net.Conn, p Peer) (groups []int, err error) {
	err = ask(conn.(*net.UnixConn), func(fd int) (err error) { groups, err = socketGroups(fd, p); return })
	return groups, err
}

// ask asks the kernel something about a socket.
func ask(c *net.UnixConn, about func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var asked error
	if err := raw.Control(func(fd uintptr) { asked = about(int(fd)) }); err != nil {
		return err
	}
	return asked
}
