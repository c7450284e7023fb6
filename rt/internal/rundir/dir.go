package rundir

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
)

const (
	spawnLockName = "spawn.lock"
	lifeLockName  = "life.lock"
	endpointName  = "endpoint"
	lastName      = "last"
	startName     = "start"
	statsName     = "stats"
	logName       = "log"

	// maxName bounds the name of a singleton, in bytes.
	maxName = 4096
	// maxLabel bounds the readable part of a directory's name, in bytes: the paths of
	// sockets must be short.
	maxLabel = 16
	// hashDigits is the length of a hash in the name of a directory. It has 64 bits, so
	// that the names that programs use do not collide by chance.
	hashDigits = 16
)

// Dir is the directory of one singleton. Its methods may be called concurrently
// unless they say otherwise.
type Dir struct {
	base    string
	name    string
	path    string
	service bool // opened by OpenService

	socketOnce sync.Once
	socketDir  string
	socketErr  error
}

// Open makes the directory of the singleton called name below base, which comes from
// BaseDir, and checks it. It makes missing parents as well, all with mode 0700 whatever the
// umask. The directory must belong to this user, have mode 0700 and not be a symbolic link,
// and no other user but root may be able to replace it or a directory above it. Otherwise
// the error is an *UnsafeError. Open never changes an existing directory.
//
// The name is any string of 1 to 4096 bytes. The directory is always below base. Open may
// be called concurrently.
func Open(base, name string) (*Dir, error) {
	if !filepath.IsAbs(base) {
		return nil, fmt.Errorf("opening the run directory: the base directory %q is a relative path; give an absolute one", base)
	}
	if name == "" || len(name) > maxName {
		return nil, fmt.Errorf("opening the run directory: a name of %d bytes; give one of 1 to %d", len(name), maxName)
	}
	base = filepath.Clean(base)
	d := &Dir{base: base, name: name, path: filepath.Join(base, label(name)+"-"+digest(hashDigits, name))}
	if err := d.make(); err != nil {
		return nil, err
	}
	return d, nil
}

// Path returns the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

func (d *Dir) file(name string) string { return filepath.Join(d.path, name) }

func (d *Dir) make() error {
	if d.service {
		_, err := d.Owner()
		return err
	}
	if err := makeAll(d.path, userBaseDir(d.base)); errors.Is(err, ErrUnsafe) {
		return err
	} else if err != nil {
		return fmt.Errorf("making the run directory: %w; see that it can be made, or set %s to another directory", err, baseDirVariable)
	}
	return checkDir(d.path)
}

// label returns the end of a name as one readable path element that is valid on every
// system. It need not be unique: the digest beside it is.
func label(name string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	safe = strings.Trim(safe[max(0, len(safe)-maxLabel):], "_")
	if safe == "" {
		return "singleton"
	}
	return safe
}
