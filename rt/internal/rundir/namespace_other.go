//go:build !linux

package rundir

import "path/filepath"

// NetworkNamespace returns "": this package knows no namespaces of this system.
func NetworkNamespace() string { return "" }

// MountNamespace returns "", as NetworkNamespace does.
func MountNamespace() string { return "" }

// inDirectory returns the path of name in dir, or a *PathTooLongError if it does not
// fit into the address of a Unix socket.
func inDirectory(dir, name string) (path string, release func(), err error) {
	path, err = usable(filepath.Join(dir, name))
	return path, func() {}, err
}
