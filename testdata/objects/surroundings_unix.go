//go:build unix

package objects

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// sessionAndUmask sets the umask to find it out, and sets it back.
func sessionAndUmask() (session, umask int) {
	session, _ = unix.Getsid(0)
	umask = syscall.Umask(0o077)
	syscall.Umask(umask)
	return session, umask
}
