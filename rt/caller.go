package rt

import (
	"context"

	"github.com/loopgen/loopgen/rt/internal/daemon"
)

// Caller is the process that called a method.
type Caller struct {
	// PID is the process that connected, or 0 if it is unknown. On a Unix socket the
	// kernel reports it: it is 0 on FreeBSD, and if the caller is in a PID namespace
	// that the daemon does not see. On TCP and on Windows it is the number that the
	// caller sent.
	PID int
	// UID is the user of the process that connected. On a Unix socket the kernel
	// reports it. On TCP it is the daemon's own user, since no other user can read the
	// key. On Windows it is -1.
	UID int
	// Executable is the file of the program that the process ran when it connected, as
	// /proc/<pid>/exe names it: " (deleted)" is appended if the file was removed. It is
	// empty on systems other than Linux, on TCP, and for a process that has already
	// ended. A daemon that does not run as root also has it empty for processes of
	// other users. Use it for logs and messages only: the process may run another
	// program a moment later.
	Executable string
}

// CallerFrom returns the caller of the call to which ctx belongs. ctx must be the
// context that a method of a shared object was given, or be derived from it. The daemon
// determines the caller once, when it admits the connection. ok is false for all other
// contexts. Among these are the constructor's context, and the context of a method that
// the daemon calls on behalf of a client that is gone. CallerFrom may be called
// concurrently.
func CallerFrom(ctx context.Context) (c Caller, ok bool) {
	found, ok := daemon.CallerFrom(ctx)
	return Caller(found), ok
}
