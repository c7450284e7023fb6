//go:build darwin || freebsd

package rt

import "golang.org/x/sys/unix"

// socketPeer asks for LOCAL_PEERCRED: unix(4).
func socketPeer(fd int) (peer, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return peer{}, err
	}
	return peer{known: true, uid: int(cred.Uid), pid: peerPID(fd)}, nil
}
