package sock

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/windows"
)

// rawConn returns nil: overlapped sockets have no write that never blocks, so the write
// queue's goroutine writes.
func rawConn(net.Conn) syscall.RawConn { return nil }

func writeNow(uintptr, []byte) (int, error) { return 0, nil }

// Reader returns a reader of conn. Only one goroutine at a time may read from it.
func Reader(conn net.Conn) io.Reader { return conn }

// PeerClosed returns nil: a call to a daemon that died a moment ago fails with an unknown
// outcome.
func PeerClosed(net.Conn) func() bool { return nil }

// pending returns 0: a call then begins even if its cancel is unread.
func pending(syscall.RawConn) int { return 0 }

// countReads returns false: the reader cannot read and count in one step.
func countReads(io.Reader, *readCount) bool { return false }

// IsReset reports whether err says that the peer's process ended with data unread. It may
// be called concurrently.
func IsReset(err error) bool { return errors.Is(err, windows.WSAECONNRESET) }
