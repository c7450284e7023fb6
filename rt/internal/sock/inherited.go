//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Inherited returns a listener for an inherited descriptor, which must be a listening Unix
// stream socket. It fails, and leaves the descriptor unchanged, for any other: that may be
// this program's own. It must be called once for a descriptor.
func Inherited(fd int) (*net.UnixListener, error) {
	for option, want := range map[int]int{unix.SO_ACCEPTCONN: 1, unix.SO_TYPE: unix.SOCK_STREAM} {
		got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
		if err != nil {
			return nil, os.NewSyscallError("getsockopt", err)
		}
		if got != want {
			return nil, fmt.Errorf("descriptor %d is a socket of another kind", fd)
		}
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	if _, ok := address.(*unix.SockaddrUnix); !ok {
		return nil, fmt.Errorf("descriptor %d is a socket of another kind", fd)
	}
	// Listening once more makes this process the one that clients see as their
	// peer, instead of the one that made the socket.
	if err := unix.Listen(fd, 4096); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	f := os.NewFile(uintptr(fd), "socket of the service manager")
	defer f.Close()
	ln, err := net.FileListener(f) // a duplicate, closed on exec
	if err != nil {
		return nil, err
	}
	if ln, ok := ln.(*net.UnixListener); ok {
		return ln, nil
	}
	return nil, errors.Join(fmt.Errorf("descriptor %d is a %T", fd, ln), ln.Close())
}
