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
	for _, name := range users {
		id, err := lookUp(name, func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
		if err != nil {
			return nil, fmt.Errorf("Config.AllowUsers: %w", err)
		}
		a.users = append(a.users, id)
	}
	for _, name := range groups {
		id, err := lookUp(name, func(name string) (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		})
		if err != nil {
			return nil, fmt.Errorf("Config.AllowGroups: %w", err)
		}
		a.groups = append(a.groups, id)
	}
	return a, nil
}

// lookUp returns the number that a name stands for, or is.
func lookUp(name string, find func(string) (string, error)) (int, error) {
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		return int(id), nil
	}
	found, err := find(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(found)
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
	if p.uid == os.Geteuid() || slices.Contains(a.users, p.uid) {
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
	p.refused = fmt.Sprintf("user %d is not among those that the service admits (its Config.AllowUsers and AllowGroups)", p.uid)
	return p, nil
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
