package rundir

// Privileged returns false: Windows has no set-user-ID programs.
func Privileged() bool { return false }
