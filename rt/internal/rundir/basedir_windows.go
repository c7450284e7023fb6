package rundir

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/windows"
)

func defaultBaseDir() (string, error) {
	local, err := windows.KnownFolderPath(windows.FOLDERID_LocalAppData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return "", fmt.Errorf("choosing the run directory: looking up LocalAppData: %w; set %s to an absolute path", err, baseDirVariable)
	}
	return filepath.Join(local, "loopgen", HostID()), nil
}

// userRuntimeDir returns false: Windows has no such directory, so sockets and logs are in
// the singleton's directory.
func userRuntimeDir() (dir string, ok bool) { return "", false }
