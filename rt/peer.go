//go:build linux || darwin || freebsd

package rt

import "net"

// peerOf returns the process at the other end of a Unix socket, as the kernel
// noted it when the socket was connected. It is not known for other
// connections.
func peerOf(conn net.Conn) (p peer, err error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return peer{}, nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var asked error
	if err := raw.Control(func(fd uintptr) { p, asked = socketPeer(int(fd)) }); err != nil {
		return peer{}, err
	}
	return p, asked
}
