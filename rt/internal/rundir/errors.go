package rundir

import (
	"errors"
	"fmt"
)

// ErrUnsafe is matched by every *UnsafeError. The caller reports it and stops:
// no other directory may be tried instead, or two processes would meet in two
// places.
var ErrUnsafe = errors.New("unsafe run directory")

// ErrAbsent says that there is no endpoint to read. The caller looks whether a
// daemon lives, and starts one if not.
var ErrAbsent = errors.New("no endpoint")

// ErrHeld says that another process holds life.lock. The caller, a daemon that
// came second, leaves.
var ErrHeld = errors.New("another daemon holds the lifetime lock")

// ErrLost says that life.lock is no longer the file this process has locked,
// because someone removed or replaced the file or the directory. The caller, a
// daemon, leaves.
var ErrLost = errors.New("the lifetime lock is lost")

// UnsafeError says why a directory or lock file must not be used: somebody else
// could have made it, or could change what is in it.
type UnsafeError struct {
	Path    string // what was looked at
	Problem string // what is wrong with it
	Remedy  string // what the user can do
}

// Error returns the path, what is wrong and the remedy.
func (e *UnsafeError) Error() string {
	return fmt.Sprintf("unsafe run directory: %s %s; %s", e.Path, e.Problem, e.Remedy)
}

// Is reports whether target is ErrUnsafe.
func (e *UnsafeError) Is(target error) bool { return target == ErrUnsafe }

// VersionError says that a file was written in a format of another version. A
// daemon of that version may be alive: it is not the same as no endpoint.
type VersionError struct {
	Path    string // the file, empty if it was not read from one
	Version int    // the version it announces; this package writes 1
}

// Error names the file, both versions and the remedy.
func (e *VersionError) Error() string {
	where := "endpoint"
	if e.Path != "" {
		where += " " + e.Path
	}
	return fmt.Sprintf("reading %s: format version %d, this program knows %d; use one version of loopgen for all programs, or wait until the daemon has left", where, e.Version, formatVersion)
}

// PathTooLongError says that a socket's path does not fit into a Unix socket
// address.
type PathTooLongError struct {
	Path   string
	Length int // of Path, in bytes
	Limit  int // the greatest length that works on every system, in bytes
}

// Error names the path, its length, the limit and the remedy.
func (e *PathTooLongError) Error() string {
	return fmt.Sprintf("socket path %s has %d bytes, the limit is %d; choose a shorter base directory or TCP", e.Path, e.Length, e.Limit)
}
