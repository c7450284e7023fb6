//go:build unix

package rt

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawWriter returns conn's descriptor for writeNow, or nil.
func rawWriter(conn net.Conn) syscall.RawConn {
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// hangUp returns what reports whether the peer has closed conn, all that it sent
// having been read. It is nil where a write fails in that case: a TCP socket
// takes what is written first and hears only then that nobody is there.
func hangUp(conn net.Conn) func() bool {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return func() (over bool) {
		_ = raw.Control(func(fd uintptr) { // on failure the write fails, too
			var b [1]byte
			n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			over = n == 0 && err == nil || errors.Is(err, unix.ECONNRESET)
		})
		return over
	}
}

// writeNow writes what the socket takes at once. A full socket is no error.
func writeNow(fd uintptr, b []byte) (n int, err error) {
	for {
		n, err = syscall.Write(int(fd), b)
		if n < 0 {
			n = 0
		}
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		default:
			return n, err
		}
	}
}
