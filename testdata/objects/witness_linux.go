package objects

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// witnesses keeps the sockets open until the process dies.
var witnesses []net.Listener

// witness notes in a file, a line each, that an object was born in this process,
// and whether another one that names the same file was alive. It asks something
// that the product does not use: a socket in the abstract name space, which the
// kernel gives to one process at a time and takes back when that has died.
func witness(file string) error {
	line := fmt.Sprintf("born %d\n", os.Getpid())
	name := fmt.Sprintf("@loopgen-witness-%x", sha256.Sum256([]byte(file)))
	socket, err := net.Listen("unix", name)
	for errors.Is(err, syscall.EADDRINUSE) && dying(file) {
		time.Sleep(100 * time.Microsecond)
		socket, err = net.Listen("unix", name)
	}
	witnesses = append(witnesses, socket)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		line = fmt.Sprintf("two at once %d\n", os.Getpid())
	case err != nil:
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(line)
	return err
}

// dying reports whether the process that was born last is past its last
// instruction. The kernel closes the files of such a process one by one, the
// lifetime lock perhaps before the socket, but only after it has taken its
// memory away, and with it the link to its executable.
func dying(file string) bool {
	seen, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	lines := strings.Split(strings.TrimSpace(string(seen)), "\n")
	var pid int
	if _, err := fmt.Sscanf(lines[len(lines)-1], "born %d", &pid); err != nil {
		return false
	}
	_, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return errors.Is(err, os.ErrNotExist)
}
