package rundir

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
)

// baseDirVariable names the base directory for a whole environment.
const baseDirVariable = "LOOPGEN_DIR"

// BaseDir returns the base directory in which the singletons of this user live on
// this machine: explicit if it is not empty, else the variable LOOPGEN_DIR, else
// .cache/loopgen/<hash of the machine> in the home directory of the user
// database (%LocalAppData%\loopgen\<hash> on Windows), else
// /run/user/<uid>/loopgen if the user has no usable home.
//
// A program with more rights than the user that started it ignores LOOPGEN_DIR.
// Apart from LOOPGEN_DIR the environment has no say, HOME and XDG_CACHE_HOME
// included: processes with different environments must meet in one place. The
// machine is part of the path because homes are shared over networks and locks
// and sockets are not. Nothing is created.
//
// A relative path is an error, and so is having no place at all. BaseDir may be
// called concurrently.
func BaseDir(explicit string) (string, error) {
	if explicit != "" {
		return absolute("the base directory", explicit)
	}
	if dir := Getenv(baseDirVariable); dir != "" {
		return absolute(baseDirVariable, dir)
	}
	return defaultBaseDir()
}

func absolute(what, dir string) (string, error) {
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("choosing the run directory: %s is %q, a relative path; give an absolute one", what, dir)
	}
	return filepath.Clean(dir), nil
}

// digest returns n hexadecimal digits that stand for the parts. Parts are
// separated by a byte that no path contains.
func digest(n int, parts ...string) string {
	h := sha256.New()
	for i, p := range parts {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))[:n]
}
