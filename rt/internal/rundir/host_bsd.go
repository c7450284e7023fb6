//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package rundir

import (
	"encoding/hex"

	"golang.org/x/sys/unix"
)

// searchOnly is the mode for opening a directory in order to work with its entries.
const searchOnly = unix.O_RDONLY

// The names differ by system. A name that does not exist is only an error.

func machineID() string {
	for _, name := range []string{"kern.uuid", "kern.hostuuid", "hw.uuid"} {
		if id, err := unix.Sysctl(name); err == nil && id != "" {
			return id
		}
	}
	return ""
}

func bootID() string {
	if id, err := unix.Sysctl("kern.bootsessionuuid"); err == nil && id != "" {
		return id
	}
	// FreeBSD has raw bytes.
	if id, err := unix.SysctlRaw("kern.boot_id"); err == nil {
		return hex.EncodeToString(id)
	}
	return ""
}
