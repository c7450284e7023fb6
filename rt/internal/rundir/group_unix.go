//go:build unix

package rundir

import (
	"bufio"
	"errors"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// ownGroups are the groups that were found to have no other members. The answer is kept
// until the process exits, so a later change of the group database goes unnoticed.
var ownGroups sync.Map // of int

// ownGroup reports whether a group has no other members than this user and root, like the
// private group of a user.
func ownGroup(gid int) bool {
	if _, ok := ownGroups.Load(gid); ok {
		return true
	}
	own := runtime.GOOS != "darwin" && // the files of macOS do not list its users
		isOwnGroup(gid, os.Geteuid(), os.Getegid(), "/etc/passwd", "/etc/group")
	if own {
		ownGroups.Store(gid, nil)
	}
	return own
}

// isOwnGroup looks for other members of the group in the two files. It cannot find members
// that only a name service knows. So if the group or the user is not in the files, the
// group must also be the user's own by its name or number.
func isOwnGroup(gid, uid, egid int, passwd, group string) bool {
	name, primary, listed := strconv.Itoa(uid), -1, false
	shared := false
	err := eachEntry(passwd, func(fields []string) {
		if len(fields) < 4 {
			return
		}
		theirs, err1 := strconv.Atoi(fields[2])
		first, err2 := strconv.Atoi(fields[3])
		switch {
		case err1 != nil || err2 != nil:
		case theirs == uid && !listed:
			name, primary, listed = fields[0], first, true
		case theirs != uid && theirs != 0 && first == gid:
			shared = true
		}
	})
	if err != nil || shared {
		return false
	}
	if !listed {
		// Without a user database, as in many containers, the group of the process is
		// the user's.
		primary = egid
		if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
			name = u.Username
			primary, _ = strconv.Atoi(u.Gid)
		}
	}
	known, named := false, ""
	err = eachEntry(group, func(fields []string) {
		if len(fields) < 4 || fields[2] != strconv.Itoa(gid) {
			return
		}
		known, named = true, fields[0]
		for member := range strings.SplitSeq(fields[3], ",") {
			if member != "" && member != name && member != "root" {
				shared = true
			}
		}
	})
	if err != nil || shared {
		return false
	}
	if known && listed {
		return true
	}
	if gid != primary {
		return false
	}
	if !known {
		g, err := user.LookupGroupId(strconv.Itoa(gid))
		var unknown user.UnknownGroupIdError
		switch {
		case err == nil:
			named = g.Name
		case errors.As(err, &unknown):
			return true
		default:
			return false
		}
	}
	return named == name || !listed && name == strconv.Itoa(uid)
}

// eachEntry calls f with the fields of each line of a file like /etc/passwd. A missing file
// has no lines.
func eachEntry(path string, f func(fields []string)) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20) // a group may have thousands of members
	for lines.Scan() {
		f(strings.Split(lines.Text(), ":"))
	}
	return lines.Err()
}
