// Package rundir has the files of a singleton: one directory, two locks, the endpoint file
// and the start file. It may touch files, their modes and their locks, and it reads the
// environment and the user database to find the directory. It knows no protocol, opens no
// connection and starts no process.
//
//	base, err := rundir.BaseDir("")            // the user's base directory on this machine
//	dir, err := rundir.Open(base, "counter")   // <base>/counter-<hash>, 0700
//	endpoint, err := dir.ReadEndpoint()        // where the daemon listens, or ErrAbsent
//
// Two locks order all writers:
//
//   - spawn.lock is held by the client that is starting a daemon. Only its holder
//     probes the other lock and writes the start file.
//   - life.lock, the lifetime lock, is held by the daemon until its process dies, and is the
//     only proof that a daemon is alive. Only its holder writes or removes the endpoint and
//     old sockets.
//
// Neither file is ever unlinked: a lock on an unlinked file excludes no other process.
//
// The directory of a singleton that several users share is made before the daemon starts,
// by the service manager for instance: see OpenService. This package makes no directory
// there. Clients read only the endpoint, after they have checked which user can have
// written it.
//
// # Files of a directory
//
//	spawn.lock  life.lock     empty, 0600
//	endpoint                  text, see Endpoint
//	last                      the endpoint of the daemon that has exited last
//	start                     text, see Start
//	s-<8 digits>  log         only when the user has no runtime directory
//	log.1                     the log before it was rotated
//	<name>.new                a file that is being written, before it takes the place of name
//	room.new                  a client's test of whether the file system has space
//	socket                    only of a singleton that several users share, which has no log
//
// # Reading order
//
// basedir.go and getenv.go (the base directory), scope.go with the session files (the base
// directories of sessions and projects below it), service.go (several users), dir.go and
// make.go (the singleton's directory), parents_unix.go with group_unix.go (whether another
// user can replace it), lock.go, daemonlock.go, then endpoint.go and start.go with their
// line format in lines.go, socket.go (the directory of socket and log), log.go, and
// existing.go (directories that other processes have made).
package rundir

// On an unsupported system the compiler reports only that package.
import _ "github.com/loopgen/loopgen/rt/internal/platform"
