//go:build linux || darwin || freebsd

package sock

import "net"

// KnowsPeers reports whether PeerOf can know the peer of a Unix socket: this system's
// kernel reports it.
const KnowsPeers = true

// PeerOf returns the process at the other end of a Unix socket, as the kernel recorded it
// when the socket was connected. The peer of any other connection is not Known. PeerOf
// returns the error of the system call, and may be called concurrently.
func PeerOf(conn net.Conn) (p Peer, err error) {
	if c, ok := conn.(*net.UnixConn); ok {
		err = control(c, func(fd int) (err error) { p, err = socketPeer(fd); return })
	}
	return p, err
}

// GroupsOf returns the groups of p, the peer of conn, which must be a Unix socket. It
// fails if the kernel or the user database does not answer. It may be called
// concurrently.
func GroupsOf(conn net.Conn, p Peer) (groups []int, err error) {
	err = control(conn.(*net.UnixConn), func(fd int) (err error) { groups, err = socketGroups(fd, p); return })
	return groups, err
}

// control calls f with the descriptor of a socket and returns the error of f.
func control(c *net.UnixConn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := raw.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}
