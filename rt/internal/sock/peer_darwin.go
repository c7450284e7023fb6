package sock

import "golang.org/x/sys/unix"

// peerPID asks for LOCAL_PEERPID, 0 if the process is gone.
func peerPID(fd int) int {
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		return 0
	}
	return pid
}
