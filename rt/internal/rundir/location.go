package rundir

import (
	"os"
	"path/filepath"
)

// One directory may have several paths: a volume may be mounted twice, and a home may be
// mounted in a container. So a client dials a socket beside its endpoint by the socket's
// name, in the directory in which the client has read the endpoint. The endpoint says which
// directory that must be.

// FileID returns device and inode of a file as text, or "" if the file cannot be examined
// or the system has no such numbers. It may be called concurrently.
func FileID(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fileID(info)
}

// Locate sets the IDs and namespaces in e. By them other processes can tell whether the
// directory and the address in e mean the same to them as to this process, the daemon.
func (e *Endpoint) Locate() {
	e.DirID, e.SocketDir, e.Mounts, e.Net = FileID(e.Directory), "", MountNamespace(), ""
	switch e.Network {
	case "unix":
		e.SocketDir = FileID(filepath.Dir(e.Address))
	case "tcp":
		e.Net = NetworkNamespace()
	}
}

// Copied reports whether e, an endpoint read in the directory dir, was written for another
// directory by a process of another mount namespace. decided is false if that process is in
// the mount namespace of this one. Copied may be called concurrently.
func Copied(dir string, e *Endpoint) (copied, decided bool) {
	if !differ(e.Mounts, MountNamespace()) {
		return false, false
	}
	return differ(e.DirID, FileID(dir)), true
}

// differ reports whether two IDs are known and not equal.
func differ(theirs, ours string) bool { return theirs != "" && ours != "" && theirs != ours }

// Holds reports whether the Unix socket of e, an endpoint read in this directory, is in
// this directory, even if the daemon has another path of the directory.
func (d *Dir) Holds(e *Endpoint) bool {
	dir := filepath.Dir(e.Address)
	if e.Network != "unix" || dir != e.Directory {
		return false
	}
	return dir == d.path || e.DirID != "" && FileID(d.path) == e.DirID
}

// SocketOf returns the address at which this process can dial e, an endpoint read in this
// directory. The address is valid until release is called. SocketOf fails if no path of the
// socket is short enough.
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

// Elsewhere reports whether the address of e means another socket in this process, because
// the daemon is in another mount or network namespace. It returns false if that cannot be
// determined.
func (e *Endpoint) Elsewhere() bool {
	if e.Network == "tcp" {
		return differ(e.Net, NetworkNamespace())
	}
	return differ(e.Mounts, MountNamespace()) && FileID(filepath.Dir(e.Address)) != e.SocketDir
}
