//go:build unix

package host

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirectOutput makes f this process's standard output and error.
func redirectOutput(f *os.File) {
	for _, fd := range []int{1, 2} {
		_ = unix.Dup2(int(f.Fd()), fd) // on failure the old file stays in use
	}
}
