package host

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"

	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Admission says which users may call an object that several users share. The daemon's own
// user always may. It does not change, so its methods may be called concurrently.
type Admission struct {
	users, groups []int
}

// NewAdmission returns the admission of users and groups, which are names or numbers. It
// looks names up in the user database and returns the error of the first that fails, which
// names the field of Config. It may be called concurrently.
func NewAdmission(users, groups []string) (*Admission, error) {
	a := &Admission{}
	var err error
	if a.users, err = lookUp(users, userID); err != nil {
		return nil, fmt.Errorf("Config.AllowUsers: %w", err)
	}
	if a.groups, err = lookUp(groups, groupID); err != nil {
		return nil, fmt.Errorf("Config.AllowGroups: %w", err)
	}
	return a, nil
}

// lookUp returns the number of each name. A name may already be a number.
func lookUp(names []string, find func(name string) (string, error)) ([]int, error) {
	ids := make([]int, len(names))
	for i, name := range names {
		number := name
		if _, err := strconv.ParseUint(name, 10, 32); err != nil {
			if number, err = find(name); err != nil {
				return nil, err
			}
		}
		var err error
		if ids[i], err = strconv.Atoi(number); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func userID(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupID(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// authorize returns the peer of a connection. Peer.Refused is set if the peer is not
// admitted. The error says that the peer could not be determined.
func (a *Admission) authorize(conn net.Conn) (daemon.Peer, error) {
	kernel, err := sock.PeerOf(conn)
	p := daemon.Peer{Peer: kernel}
	if err == nil && !p.Known {
		err = errors.New("not a Unix socket")
	}
	if err != nil {
		return daemon.Peer{}, fmt.Errorf("%w: cannot tell whose socket it is: %w", wire.ErrAuth, err)
	}
	if a.AdmitsUser(p.UID) {
		return p, nil
	}
	if len(a.groups) > 0 {
		groups, err := sock.GroupsOf(conn, kernel)
		if err != nil {
			return daemon.Peer{}, fmt.Errorf("%w: cannot tell which groups user %d is in: %w", wire.ErrAuth, p.UID, err)
		}
		if slices.ContainsFunc(groups, func(id int) bool { return slices.Contains(a.groups, id) }) {
			return p, nil
		}
	}
	p.Refused = notAdmitted(p.UID).Error()
	return p, nil
}

// AdmitsUser reports whether the user may call even without an admitted group.
func (a *Admission) AdmitsUser(uid int) bool {
	return uid == os.Geteuid() || slices.Contains(a.users, uid)
}

// Groups returns how many groups are admitted.
func (a *Admission) Groups() int { return len(a.groups) }

// AdmitsGroup reports whether the members of a group may call.
func (a *Admission) AdmitsGroup(gid uint32) bool { return slices.Contains(a.groups, int(gid)) }

// notAdmitted returns the error for a user who is not admitted.
func notAdmitted(uid int) error {
	return fmt.Errorf("user %d is not among those that the service admits (its Config.AllowUsers and AllowGroups)", uid)
}

// refusal returns the answer to a user who is not admitted, as bytes of the wire.
func refusal(uid int) []byte {
	var b bytes.Buffer
	wire.Refuse(&b, notAdmitted(uid).Error()) // writing to a Buffer does not fail
	return b.Bytes()
}
