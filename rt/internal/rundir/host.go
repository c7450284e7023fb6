package rundir

import (
	"os"
	"sync"
)

// HostID returns 16 hexadecimal digits that stand for this machine: a hash of
// its machine id, or of its host name if it has none. The machine id itself is
// meant to stay on the machine. HostID may be called concurrently.
func HostID() string { return hostID() }

var hostID = sync.OnceValue(func() string {
	id := machineID()
	if id == "" {
		id, _ = os.Hostname()
	}
	return digest(hashDigits, "loopgen host", id)
})

// BootID returns an identifier of the time since this machine was last started,
// empty where the system has none. It may be called concurrently.
func BootID() string { return bootID() }
