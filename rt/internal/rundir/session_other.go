//go:build !linux && !windows

package rundir

// sessionID returns XDG_SESSION_ID. The kernels of these systems have sessions as well, but
// reading them needs cgo.
func sessionID() (string, error) { return sessionVariable() }
