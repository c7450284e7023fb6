//go:build darwin || freebsd

package sock

import "golang.org/x/sys/unix"

// socketPeer returns LOCAL_PEERCRED: unix(4).
func socketPeer(fd int) (Peer, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Peer{}, err
	}
	return Peer{Known: true, UID: int(cred.Uid), GID: int(cred.Groups[0]), PID: peerPID(fd)}, nil
}

// socketGroups reads the user database as well: the kernel reports only the first sixteen
// groups of a process.
func socketGroups(fd int, p Peer) ([]int, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return nil, err
	}
	groups, err := groupsByName(p.UID)
	for _, id := range cred.Groups[:min(max(int(cred.Ngroups), 0), len(cred.Groups))] {
		groups = append(groups, int(id))
	}
	return groups, err
}
