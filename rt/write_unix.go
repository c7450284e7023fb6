//go:build unix

package rt

import (
	"errors"
	"net"
	"syscall"
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
