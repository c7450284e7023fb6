//go:build !linux && !windows

package rundir

// sessionID: the kernels of these systems know sessions, too, but not in a way
// that is to be had without cgo.
func sessionID() (string, error) { return sessionVariable() }
