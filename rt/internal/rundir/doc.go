// Package rundir is where a singleton lives on disk: one directory, two locks,
// the endpoint file and what failed starts leave. It knows no protocol,
// opens no connection and starts no process.
//
//	base, err := rundir.BaseDir("")             // the user's base directory on this machine
//	dir, err := rundir.Open(base, "counter")   // <base>/counter-<hash>, 0700
//	endpoint, err := dir.ReadEndpoint()          // where the daemon listens, or ErrAbsent
//
// Two locks order everything:
//
//   - spawn.lock is held by the client that is starting a daemon. Only its holder
//     probes the other lock and writes the start file.
//   - life.lock is held by the daemon from birth to death and is the only proof of
//     life. Only its holder writes or removes the endpoint and old sockets.
//
// Neither file is ever unlinked: a lock on an unlinked file excludes nobody.
//
// A singleton that several users share lives in a directory that somebody else has
// made, OpenService: there this package makes no directory, and clients read only
// the endpoint, once they know whom it can be from.
//
// # Files of a directory
//
//	spawn.lock  life.lock     empty, 0600
//	endpoint                  text, see Endpoint
//	start                     text, see Start
//	s-<8 digits>  log         here only when the user has no runtime directory
//	socket                    of one that several users share, which has no log
//
// # Reading order
//
// base.go and getenv.go (which base directory), scope.go with the session files (those of
// sessions and projects below it), service.go (several users), dir.go and make.go (the singleton's own),
// parents_unix.go with group_unix.go (whether another user can exchange it),
// lock.go, life.go, then endpoint.go and start.go with their line format in
// lines.go, and socket.go (where socket and log go).
package rundir

// The compiler reports only that package on systems that this one is not for.
import _ "github.com/loopgen/loopgen/rt/internal/platform"
