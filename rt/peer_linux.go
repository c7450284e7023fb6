package rt

import "golang.org/x/sys/unix"

// socketPeer asks for SO_PEERCRED: unix(7). The process is 0 if it is in a PID
// namespace that this one cannot look into.
func socketPeer(fd int) (peer, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return peer{}, err
	}
	return peer{known: true, uid: int(cred.Uid), pid: int(cred.Pid)}, nil
}
