//go:build !linux

package rundir

import "path/filepath"

// NetworkNamespace returns an empty string: this system has none that is known
// here.
func NetworkNamespace() string { return "" }

// MountNamespace returns an empty string, as NetworkNamespace does.
func MountNamespace() string { return "" }

// inDirectory returns the path of name in dir, or a *PathTooLongError if it does not
// fit into the address of a Unix socket.
func inDirectory(dir, name string) (path string, release func(), err error) {
	path, err = usable(filepath.Join(dir, name))
	return path, func() {}, err
}
