package rundir

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
)

// baseDirVariable names the base directory for a whole environment.
const baseDirVariable = "LOOPGEN_DIR"

// BaseDir returns the directory that contains the directories of this user's singletons on
// this machine. It is explicit if that is not empty, else the variable LOOPGEN_DIR, else
// .cache/loopgen/<hash of the machine> in the home directory of the user database
// (%LocalAppData%\loopgen\<hash> on Windows), else /run/user/<uid>/loopgen if the user has
// no usable home.
//
// A program with more rights than the user that started it ignores LOOPGEN_DIR. No other
// variable of the environment matters, not even HOME or XDG_CACHE_HOME: processes with
// different environments must use the same directory. The machine is part of the path
// because homes are shared over networks, while locks and sockets are not. BaseDir creates
// nothing.
//
// BaseDir fails if the path is relative, or if the user has none of these directories. It
// may be called concurrently.
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
