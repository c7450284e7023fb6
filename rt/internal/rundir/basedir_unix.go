//go:build unix

package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
)

func defaultBaseDir() (string, error) {
	home, err := usableHome()
	if err != nil {
		return "", fmt.Errorf("choosing the run directory: %w; set %s to an absolute path", err, baseDirVariable)
	}
	if home != "" {
		return filepath.Join(home, ".cache", "loopgen", HostID()), nil
	}
	if dir, ok := userRuntimeDir(); ok {
		return filepath.Join(dir, "loopgen"), nil
	}
	return "", fmt.Errorf("choosing the run directory: user %d has no home directory of its own and no /run/user/%[1]d; set %s to an absolute path", os.Geteuid(), baseDirVariable)
}

// home keeps the result of usableHome, because the user database may ask the network.
// Errors are not kept.
var home struct {
	sync.Mutex
	known bool
	dir   string
}

// usableHome returns the home directory from the user database, or "" if it is not a
// directory that belongs to the user. A condition that may pass is an error and not "": no
// descriptors are left, or a name service does not answer. With "" this process would use
// another base directory than the others.
func usableHome() (string, error) {
	home.Lock()
	defer home.Unlock()
	if home.known {
		return home.dir, nil
	}
	dir, err := findHome()
	if err == nil {
		home.known, home.dir = true, dir
	}
	return dir, err
}

func findHome() (string, error) {
	// Not user.Current: for users that the database does not know it falls
	// back to HOME.
	u, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	var unknown user.UnknownUserIdError
	if errors.As(err, &unknown) || errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking up the home directory: %w", err)
	}
	home := filepath.Clean(u.HomeDir)
	if !filepath.IsAbs(home) || home == "/" {
		return "", nil
	}
	info, err := os.Stat(home)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking at the home directory: %w", err)
	}
	if !info.IsDir() || !ownedByUser(info) {
		return "", nil
	}
	return home, nil
}

// userRuntimeDir returns the directory that the system keeps for the user
// between first login and last logout.
func userRuntimeDir() (dir string, ok bool) {
	dir = "/run/user/" + strconv.Itoa(os.Geteuid())
	return dir, checkDir(dir) == nil
}
