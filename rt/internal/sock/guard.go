package sock

// Guard says which users and groups a listener accepts.
type Guard interface {
	AdmitsUser(uid int) bool
	AdmitsGroup(gid uint32) bool
	// Groups returns how many groups are admitted.
	Groups() int
}
