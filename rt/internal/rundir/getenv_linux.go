package rundir

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// atSecure is AT_SECURE of getauxval(3).
const atSecure = 23

// Privileged reports whether this program has more rights than the user that
// started it: by a set-user-ID or set-group-ID bit, or by capabilities of its file.
// It may be called concurrently.
func Privileged() bool {
	return os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() || startedSecure()
}

// startedSecure reports whether the kernel started this process in secure mode. The answer
// does not change when the process changes its IDs. Where the auxiliary vector cannot be
// read, as in a library for C, the IDs alone decide.
var startedSecure = sync.OnceValue(func() bool {
	values, _ := unix.Auxv()
	for _, v := range values {
		if v[0] == atSecure && v[1] != 0 {
			return true
		}
	}
	return false
})
