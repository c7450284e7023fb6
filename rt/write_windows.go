package rt

import (
	"io"
	"net"
	"syscall"
)

// rawConn returns nil: overlapped sockets have no write that never blocks,
// so the outbox's goroutine writes.
func rawConn(net.Conn) syscall.RawConn { return nil }

func writeNow(uintptr, []byte) (int, error) { return 0, nil }

// source returns what reads conn.
func source(conn net.Conn) io.Reader { return conn }

// hangUp is nil: who calls a daemon that has died a moment ago is told that the
// outcome is unknown.
func hangUp(net.Conn) func() bool { return nil }

// pending returns 0: the end of a cancelled call is then seen when the call has begun.
func pending(syscall.RawConn) int { return 0 }

// counted returns false: what source returns cannot count in one step with the read.
func counted(io.Reader, *byteCount) bool { return false }
