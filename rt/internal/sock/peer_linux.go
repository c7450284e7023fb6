package sock

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketPeer returns SO_PEERCRED: unix(7). PID is 0 if the peer is in a PID namespace that
// this process cannot see.
func socketPeer(fd int) (Peer, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	return Peer{Known: true, UID: int(cred.Uid), GID: int(cred.Gid), PID: int(cred.Pid)}, nil
}

// socketGroups returns SO_PEERGROUPS, for which x/sys has no function: the supplementary
// groups that the process had when it connected. They may differ from the user database.
func socketGroups(fd int, p Peer) ([]int, error) {
	ids := make([]uint32, 32)
	for {
		size := uint32(len(ids)) * 4
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&ids[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errors.Is(errno, unix.ERANGE) && size/4 > uint32(len(ids)):
			ids = make([]uint32, size/4)
			continue
		case errors.Is(errno, unix.ENOPROTOOPT): // before Linux 4.13
			groups, err := groupsByName(p.UID)
			return append(groups, p.GID), err
		case errno != 0:
			return nil, errno
		}
		groups := []int{p.GID}
		for _, id := range ids[:size/4] {
			groups = append(groups, int(id))
		}
		return groups, nil
	}
}
