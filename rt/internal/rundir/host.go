package rundir

import (
	"os"
	"sync"
)

// HostID returns 16 hexadecimal digits that identify this machine: a hash of its machine
// ID, or of its host name if it has none. The machine ID itself must stay on the machine.
// HostID may be called concurrently.
func HostID() string { return hostID() }

var hostID = sync.OnceValue(func() string {
	id := machineID()
	if id == "" {
		id, _ = os.Hostname()
	}
	return digest(hashDigits, "loopgen host", id)
})

// BootID returns an identifier that changes when the machine boots, or "" if the system has
// none. It may be called concurrently.
func BootID() string { return bootID() }
