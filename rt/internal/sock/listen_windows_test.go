package sock

import (
	"context"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"
)

// No other process can listen on a daemon's port, even if it asks to share the port.
func TestExclusivePort(t *testing.T) {
	ln, err := ListenTCP()
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	raw, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) {
		var set int
		if set, err = windows.GetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, soExclusiveAddrUse); set == 0 {
			t.Errorf("SO_EXCLUSIVEADDRUSE is not set: %v", err)
		}
	}); cerr != nil {
		t.Fatal(cerr)
	}
	sharing := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) (err error) {
		if cerr := conn.Control(func(fd uintptr) {
			err = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
		}); cerr != nil {
			return cerr
		}
		return err
	}}
	if other, err := sharing.Listen(context.Background(), "tcp4", ln.Addr().String()); err == nil {
		other.Close()
		t.Errorf("another process could listen on %v, too", ln.Addr())
	}
}
