package rundir

import (
	"os"
	"path/filepath"
)

// One directory may have several paths: a volume is mounted in two places, a home in
// a container. So a socket beside its endpoint is dialled by its name, in the
// directory where the client has found the endpoint, and the endpoint tells which
// directory that must be.

// FileID returns device and inode of a file as text, empty if it cannot be
// examined or the system has no such numbers.
func FileID(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fileID(info)
}

// Locate writes into e how other processes can tell whether its directory and
// address mean the same to them as to this process, the daemon.
func (e *Endpoint) Locate() {
	e.DirID, e.SocketDir, e.Mounts, e.Net = FileID(e.Directory), "", MountNamespace(), ""
	switch e.Network {
	case "unix":
		e.SocketDir = FileID(filepath.Dir(e.Address))
	case "tcp":
		e.Net = NetworkNamespace()
	}
}

// Copied reports whether e, an endpoint read in the directory dir, was written for
// another one by a process of another mount namespace, in which paths mean
// something else. decided is false if that process shares this one's.
func Copied(dir string, e *Endpoint) (copied, decided bool) {
	if !differ(e.Mounts, MountNamespace()) {
		return false, false
	}
	return differ(e.DirID, FileID(dir)), true
}

// differ reports whether two ids are known and not equal.
func differ(theirs, ours string) bool { return theirs != "" && ours != "" && theirs != ours }

// Holds reports whether the Unix socket of e, an endpoint read in this directory,
// lies in this directory, whatever path the daemon has for it.
func (d *Dir) Holds(e *Endpoint) bool {
	dir := filepath.Dir(e.Address)
	if e.Network != "unix" || dir != e.Directory {
		return false
	}
	return dir == d.path || e.DirID != "" && FileID(d.path) == e.DirID
}

// SocketOf returns the address under which this process can dial e, an endpoint
// read in this directory. The address is good until release is called.
func (d *Dir) SocketOf(e *Endpoint) (address string, release func(), err error) {
	if !d.Holds(e) {
		return e.Address, func() {}, nil
	}
	name := filepath.Base(e.Address)
	if path := d.file(name); len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	return inDirectory(d.path, name)
}

// Elsewhere reports whether e's Unix socket or port belongs to a namespace of
// mounts or networks in which its address means something else than in this
// process's. It is false if that cannot be determined.
func (e *Endpoint) Elsewhere() bool {
	if e.Network == "tcp" {
		return differ(e.Net, NetworkNamespace())
	}
	return differ(e.Mounts, MountNamespace()) && FileID(filepath.Dir(e.Address)) != e.SocketDir
}
