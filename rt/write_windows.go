package rt

import (
	"net"
	"syscall"
)

// rawWriter returns nil: overlapped sockets have no write that never blocks,
// so the outbox's goroutine writes.
func rawWriter(net.Conn) syscall.RawConn { return nil }

func writeNow(uintptr, []byte) (int, error) { return 0, nil }

// hangUp is nil: who calls a daemon that has died a moment ago is told that the
// outcome is unknown.
func hangUp(net.Conn) func() bool { return nil }
