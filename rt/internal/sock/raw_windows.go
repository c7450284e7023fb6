package sock

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/windows"
)

// rawConn returns nil: overlapped sockets have no write that never blocks,
// so the write queue's goroutine writes.
func rawConn(net.Conn) syscall.RawConn { return nil }

func writeNow(uintptr, []byte) (int, error) { return 0, nil }

// Reader returns a reader of conn.
func Reader(conn net.Conn) io.Reader { return conn }

// PeerClosed is nil: who calls a daemon that has died a moment ago is told that the
// outcome is unknown.
func PeerClosed(net.Conn) func() bool { return nil }

// pending returns 0: the end of a cancelled call is then seen when the call has begun.
func pending(syscall.RawConn) int { return 0 }

// countReads returns false: what Reader returns cannot count in one step with the read.
func countReads(io.Reader, *readCount) bool { return false }

// IsReset reports whether the peer's process ended with data unread.
func IsReset(err error) bool { return errors.Is(err, windows.WSAECONNRESET) }
