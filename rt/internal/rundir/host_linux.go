package rundir

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// searchOnly is the mode for opening a directory in order to work with its entries. It
// needs no permission to list the directory.
const searchOnly = unix.O_PATH

func machineID() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		text, err := os.ReadFile(path)
		// Images that are made to be copied contain the word "uninitialized".
		if id := strings.TrimSpace(string(text)); err == nil && id != "" && id != "uninitialized" {
			return id
		}
	}
	return ""
}

func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
