package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// The names of the base directories of sessions and projects begin with these prefixes. The
// name of a singleton's directory may begin so as well: nothing depends on the difference.
const (
	sessionPrefix = "session-"
	projectPrefix = "project-"
)

// maxSessionID bounds the value of XDG_SESSION_ID, in bytes.
const maxSessionID = 24

// SessionBaseDir returns the base directory of a login session, below the user's base. It
// may be called concurrently.
func SessionBaseDir(base, id string) string { return filepath.Join(base, sessionPrefix+id) }

// ProjectBaseDir returns the base directory of the project with that root, below the
// user's base. It may be called concurrently.
func ProjectBaseDir(base, root string) string {
	return filepath.Join(base, projectPrefix+label(filepath.Base(root))+"-"+digest(hashDigits, root))
}

// userBaseDir returns the user's base directory: base itself, or the directory above if
// base is that of a session or a project.
func userBaseDir(base string) string {
	if holdsSingletons(filepath.Base(base)) {
		return filepath.Dir(base)
	}
	return base
}

// holdsSingletons reports whether an entry of a base directory may be the base
// directory of a session or a project.
func holdsSingletons(entry string) bool {
	return strings.HasPrefix(entry, sessionPrefix) || strings.HasPrefix(entry, projectPrefix)
}

// Session returns an identifier of the login session of this process. It fails if the
// process belongs to none: with another base directory instead, one singleton would become
// two. It may be called concurrently.
func Session() (string, error) {
	id, err := sessionID()
	if err != nil {
		return "", fmt.Errorf("looking for the login session (ScopeSession): %w", err)
	}
	if id == "" {
		return "", errors.New("looking for the login session (ScopeSession): this process belongs to none; use ScopeUser or ScopeDir, or set XDG_SESSION_ID")
	}
	return id, nil
}

// sessionVariable returns XDG_SESSION_ID. It fails for a value that cannot be a part of a
// path.
func sessionVariable() (string, error) {
	id := Getenv("XDG_SESSION_ID")
	for _, r := range id {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') || len(id) > maxSessionID {
			return "", fmt.Errorf("XDG_SESSION_ID is %q; give at most %d letters and digits", cut.Name(id), maxSessionID)
		}
	}
	return id, nil
}

// rootMarks are the files and directories that mark the root of a source tree.
var rootMarks = []string{"go.mod", ".git", ".hg", ".jj", ".svn", ".bzr"}

// Project returns the nearest directory, from dir upwards, that is the root of a source
// tree: it contains a file go.mod or the data of a version control system. Symbolic links
// are resolved. Project fails if there is no such directory, or if a directory cannot be
// examined, since a later try could have another result. It may be called concurrently.
func Project(dir string) (string, error) {
	start, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("looking for the project (ScopeProject): %w", err)
	}
	for at := start; ; at = filepath.Dir(at) {
		is, err := isRoot(at)
		if err != nil {
			return "", fmt.Errorf("looking for the project (ScopeProject): %w", err)
		}
		if is {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("looking for the project (ScopeProject): neither %s nor a directory above it has %s; work in a project, or use ScopeUser or ScopeDir",
				start, strings.Join(rootMarks, ", "))
		}
	}
}

func isRoot(dir string) (bool, error) {
	for _, mark := range rootMarks {
		info, err := os.Stat(filepath.Join(dir, mark))
		switch {
		case err == nil && (mark != "go.mod" || info.Mode().IsRegular()):
			return true, nil // .git may be a file: of a work tree, or of a submodule
		case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return false, err
		}
	}
	return false, nil
}
