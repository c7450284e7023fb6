//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package rundir

import (
	"os"

	"golang.org/x/sys/unix"
)

// Privileged reports whether this program has more rights than the user that
// started it, by a set-user-ID or set-group-ID bit. It may be called concurrently.
func Privileged() bool {
	return os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() || unix.Issetugid()
}
