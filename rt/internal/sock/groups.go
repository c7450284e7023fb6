package sock

import (
	"errors"
	"os/user"
	"strconv"
)

// groupsByName returns the groups of a user according to the user database, for systems
// that do not report all groups of a process.
func groupsByName(uid int) ([]int, error) {
	u, err := user.LookupId(strconv.Itoa(uid))
	var unknown user.UnknownUserIdError
	if errors.As(err, &unknown) {
		return nil, nil // only the groups of the process count
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
