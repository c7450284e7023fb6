package rundir

import (
	"errors"
	"fmt"
)

// ErrUnsafe is matched by every *UnsafeError. The caller reports it and stops. It must not
// try another directory instead: two processes could then use two directories.
var ErrUnsafe = errors.New("unsafe run directory")

// ErrAbsent says that there is no endpoint to read. The caller probes the lifetime lock,
// and starts a daemon if none is alive.
var ErrAbsent = errors.New("no endpoint")

// ErrHeld says that another process holds life.lock. The caller, a second daemon, exits.
var ErrHeld = errors.New("another daemon holds the lifetime lock")

// ErrLost says that life.lock is no longer the file that this process has locked, because
// the file or the directory was removed or replaced. The caller, a daemon, drains and
// exits.
var ErrLost = errors.New("the lifetime lock is lost")

// UnsafeError says why a directory or lock file must not be used: another user could have
// made it, or could change its content.
type UnsafeError struct {
	Path    string // the directory or file
	Problem string // why it is unsafe
	Remedy  string // advice to the user
}

// Error returns the path, the problem and the remedy.
func (e *UnsafeError) Error() string {
	return fmt.Sprintf("unsafe run directory: %s %s; %s", e.Path, e.Problem, e.Remedy)
}

// Is reports whether target is ErrUnsafe.
func (e *UnsafeError) Is(target error) bool { return target == ErrUnsafe }

// VersionError says that a file was written in a format of another version. A daemon of
// that version may be alive, so the caller must not treat the endpoint as absent.
type VersionError struct {
	Path    string // the file; empty if the text came from elsewhere
	Version int    // the version of the file; this package writes 1
}

// Error names the file, both versions and the remedy.
func (e *VersionError) Error() string {
	where := "endpoint"
	if e.Path != "" {
		where += " " + e.Path
	}
	return fmt.Sprintf("reading %s: format version %d, this program knows %d; use one version of loopgen for all programs, or wait until the daemon has left", where, e.Version, formatVersion)
}

// PathTooLongError says that a socket's path does not fit into a Unix socket address.
type PathTooLongError struct {
	Path   string
	Length int // of Path, in bytes
	Limit  int // the greatest length that works on every system, in bytes
}

// Error names the path, its length, the limit and the remedy.
func (e *PathTooLongError) Error() string {
	return fmt.Sprintf("socket path %s has %d bytes, the limit is %d; choose a shorter base directory or TCP", e.Path, e.Length, e.Limit)
}
