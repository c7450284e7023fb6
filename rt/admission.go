package rt

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
)

// admission says which users may call an object that several share. The user of
// the daemon always may.
type admission struct {
	users, groups []int
}

// newAdmission looks up the users and groups, which are names or numbers.
func newAdmission(users, groups []string) (*admission, error) {
	a := &admission{}
	var err error
	if a.users, err = lookUp(users, userID); err != nil {
		return nil, fmt.Errorf("Config.AllowUsers: %w", err)
	}
	if a.groups, err = lookUp(groups, groupID); err != nil {
		return nil, fmt.Errorf("Config.AllowGroups: %w", err)
	}
	return a, nil
}

// lookUp returns the numbers that the names stand for, or are.
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

// meet returns the peer of a connection, and whether it is to be refused. An
// error is one of finding that out.
func (a *admission) meet(conn net.Conn) (peer, error) {
	p, err := peerOf(conn)
	if err == nil && !p.known {
		err = errors.New("not a Unix socket")
	}
	if err != nil {
		return peer{}, fmt.Errorf("%w: cannot tell whose socket it is: %w", ErrAuth, err)
	}
	if a.admitsUser(p.uid) {
		return p, nil
	}
	if len(a.groups) > 0 {
		groups, err := groupsOf(conn, p)
		if err != nil {
			return peer{}, fmt.Errorf("%w: cannot tell which groups user %d is in: %w", ErrAuth, p.uid, err)
		}
		if slices.ContainsFunc(groups, func(id int) bool { return slices.Contains(a.groups, id) }) {
			return p, nil
		}
	}
	p.refused = notAdmitted(p.uid).Error()
	return p, nil
}

func (a *admission) admitsUser(uid int) bool {
	return uid == os.Geteuid() || slices.Contains(a.users, uid)
}

func (a *admission) admitsGroup(gid uint32) bool { return slices.Contains(a.groups, int(gid)) }

// notAdmitted is the error of a user who may not call.
func notAdmitted(uid int) error {
	return fmt.Errorf("user %d is not among those that the service admits (its Config.AllowUsers and AllowGroups)", uid)
}

// groupsByName returns the groups of a user by the word of the user database, for
// systems that do not tell those of a process.
func groupsByName(uid int) ([]int, error) {
	u, err := user.LookupId(strconv.Itoa(uid))
	var unknown user.UnknownUserIdError
	if errors.As(err, &unknown) {
		return nil, nil // in none but what the process says
	}
	if err != nil {
		return nil, err
	}
	names, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	groups := make([]int, len(names))
	for i, name := range names {
		if groups[i], err = strconv.Atoi(name); err != nil {
			return nil, err
		}
	}
	return groups, nil
}
