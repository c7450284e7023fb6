//go:build linux || darwin || freebsd

package rt

import "net"

// peerUID returns the user at the other end of a Unix socket, as the kernel
// noted it when the socket was connected. For other connections known is false.
func peerUID(conn net.Conn) (uid int, known bool, err error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, false, nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	var asked error
	if err := raw.Control(func(fd uintptr) { uid, asked = socketUID(int(fd)) }); err != nil {
		return 0, false, err
	}
	return uid, asked == nil, asked
}
