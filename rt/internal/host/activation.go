//go:build linux || darwin || freebsd

package host

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
)

// activated returns the socket that the service manager has passed to this process, or
// nil: sd_listen_fds(3). It removes the variables that announce the socket, so that
// programs that this process executes do not take the socket for theirs.
func activated() (*net.UnixListener, error) {
	if rundir.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	count := rundir.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		os.Unsetenv(name)
	}
	if count != "1" {
		return nil, fmt.Errorf("the service manager passed %q sockets (LISTEN_FDS): give the socket unit one ListenStream", count)
	}
	ln, err := sock.Inherited(3)
	if err != nil {
		return nil, fmt.Errorf("the service manager passed something else than one Unix socket that listens for streams: %w", err)
	}
	return ln, nil
}
