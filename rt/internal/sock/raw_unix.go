//go:build unix

package sock

import (
	"errors"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawConn returns access to conn's descriptor, or nil if conn gives none.
func rawConn(conn net.Conn) syscall.RawConn {
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// PeerClosed returns a function that reports whether the peer has closed conn and all its
// bytes have been read. The function may be called concurrently. It is nil for a Unix
// socket, where a write fails in that case. A TCP socket accepts the first write and
// learns only then that the peer is gone.
func PeerClosed(conn net.Conn) func() bool {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	// Made once, because every call on an idle connection checks.
	var mu sync.Mutex
	var closed bool
	look := func(fd uintptr) {
		n, err := peekOnce(int(fd))
		closed = n == 0 && err == nil || errors.Is(err, unix.ECONNRESET)
	}
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		closed = false
		_ = raw.Control(look) // on failure the write fails, too
		return closed
	}
}

// pending returns how many bytes can be read from a socket at once. It returns 0 for nil,
// and where the system does not report the number.
func pending(raw syscall.RawConn) (bytes int) {
	if raw == nil {
		return 0
	}
	// Both calls fail only on a closed connection.
	_ = raw.Control(func(fd uintptr) { bytes, _ = unix.IoctlGetInt(int(fd), unreadBytes) })
	return bytes
}

// writeNow writes as many bytes as the socket takes at once. A full socket is no error.
func writeNow(fd uintptr, b []byte) (n int, err error) {
	for {
		n, err = writeOnce(int(fd), b)
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

// IsReset reports whether err says that the peer's process ended with data unread. It may
// be called concurrently.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
