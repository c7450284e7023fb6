package rundir

// Privileged is always false: there are no set-user-ID programs.
func Privileged() bool { return false }
