//go:build unix

package sock

import (
	"errors"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawConn returns conn's descriptor, or nil.
func rawConn(conn net.Conn) syscall.RawConn {
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// PeerClosed returns what reports whether the peer has closed conn, all that it sent
// having been read. It is nil where a write fails in that case: a TCP socket
// takes what is written first and hears only then that nobody is there.
func PeerClosed(conn net.Conn) func() bool {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	// Made once, since every call on a quiet connection looks.
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

// pending returns how many bytes can be read from a socket at once. It returns 0 for
// nil, and where that cannot be seen.
func pending(raw syscall.RawConn) (bytes int) {
	if raw == nil {
		return 0
	}
	// Neither fails but on a closed connection.
	_ = raw.Control(func(fd uintptr) { bytes, _ = unix.IoctlGetInt(int(fd), unreadBytes) })
	return bytes
}

// writeNow writes what the socket takes at once. A full socket is no error.
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

// IsReset reports whether the peer's process ended with data unread.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
