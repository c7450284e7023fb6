package sock

import (
	"context"
	"errors"
	"io/fs"
	"net"
)

// ListenTCP listens on a port of the loopback interface, which the kernel chooses. No
// other process can listen on that port as well. It returns the error of the system call,
// and may be called concurrently.
func ListenTCP() (net.Listener, error) {
	config := net.ListenConfig{Control: exclusive}
	return config.Listen(context.Background(), "tcp4", "127.0.0.1:0")
}

// ListenUnix listens on a path in a directory that only this user can change, and sets the
// mode of the socket. If that fails, it closes the listener. It may be called
// concurrently.
func ListenUnix(path string, mode fs.FileMode) (*net.UnixListener, error) {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := setSocketMode(path, mode); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}
