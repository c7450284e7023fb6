package sock

// Admission says which users and groups a screened listener admits. Its methods may be
// called concurrently.
type Admission interface {
	// AdmitsUser reports whether the user is admitted, whatever groups the user is in.
	AdmitsUser(uid int) bool
	// AdmitsGroup reports whether the members of a group are admitted.
	AdmitsGroup(gid uint32) bool
	// Groups returns how many groups are admitted.
	Groups() int
}
