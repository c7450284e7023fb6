package sock

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// soExclusiveAddrUse is SO_EXCLUSIVEADDRUSE of winsock2.h, ~SO_REUSEADDR.
const soExclusiveAddrUse = ^windows.SO_REUSEADDR

// exclusive keeps other processes from listening on the port. On Windows they could
// otherwise, by setting SO_REUSEADDR on their own socket alone.
func exclusive(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, soExclusiveAddrUse, 1)
	})
	if err == nil {
		err = os.NewSyscallError("setsockopt", failed)
	}
	return err
}

// setSocketMode sets the mode of a socket that was just made. The access list of the
// directory protects the socket.
func setSocketMode(path string, mode fs.FileMode) error { return os.Chmod(path, mode) }
