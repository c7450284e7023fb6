package sock

import "golang.org/x/sys/unix"

// peerPID returns LOCAL_PEERPID, or 0 if the process has exited.
func peerPID(fd int) int {
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		return 0
	}
	return pid
}
