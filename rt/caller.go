package rt

import (
	"context"

	"github.com/loopgen/loopgen/rt/internal/daemon"
)

// Caller is the process that called a method.
type Caller struct {
	// PID is the process that connected, 0 if it is not to be known. On a Unix
	// socket that is what the kernel says: 0 if the caller is in a PID namespace
	// that the daemon does not see, and on FreeBSD. On TCP, where it does not
	// say, and on Windows it is what the caller says of itself.
	PID int
	// UID is the user in whose name the process connected, on a Unix socket by
	// the word of the kernel. On TCP it is the daemon's own: no other can read
	// the key. On Windows it is -1.
	UID int
	// Executable is the file of the program that the process ran when it
	// connected, as /proc/<pid>/exe names it; with " (deleted)" behind it if it
	// was removed since. It is empty where that is not to be known: on other
	// systems than Linux, on TCP, of a process that has ended already and, for a
	// daemon that is not root's, of another user's. It serves logs and messages;
	// a process may run another program a moment later.
	Executable string
}

// CallerFrom returns who makes the call whose context this is. Any context that
// a method of a shared object was given will do, and any that was derived from
// it. It was asked once, when the caller's connection was admitted. ok is false
// for other contexts: the constructor's, and that of a method which the daemon
// calls in the place of a client that is gone.
func CallerFrom(ctx context.Context) (c Caller, ok bool) {
	found, ok := daemon.CallerFrom(ctx)
	return Caller(found), ok
}
