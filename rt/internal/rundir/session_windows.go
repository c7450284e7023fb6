package rundir

import (
	"strconv"

	"golang.org/x/sys/windows"
)

// sessionID returns the number of the Remote Desktop Services session.
func sessionID() (string, error) {
	var id uint32
	if err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &id); err != nil {
		return "", err
	}
	return strconv.FormatUint(uint64(id), 10), nil
}
