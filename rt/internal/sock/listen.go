package sock

import (
	"context"
	"errors"
	"io/fs"
	"net"
)

// ListenTCP listens on a port of the loopback interface that no other process can
// listen on as well.
func ListenTCP() (net.Listener, error) {
	config := net.ListenConfig{Control: exclusive}
	return config.Listen(context.Background(), "tcp4", "127.0.0.1:0")
}

// ListenUnix listens on a path in a directory that only this user can change, and
// gives the socket the mode.
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
