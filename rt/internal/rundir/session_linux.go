package rundir

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// noAuditSession is the kernel's number for a process that does not descend from a login:
// (unsigned)-1.
const noAuditSession = "4294967295"

// sessionID returns the number of the audit session, which pam_loginuid sets at login and
// which no process can lose. Without one it returns the session of systemd-logind, which
// uses the number of the audit session where there is one.
func sessionID() (string, error) {
	text, err := os.ReadFile("/proc/self/sessionid")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if id := strings.TrimSpace(string(text)); id != "" && id != noAuditSession {
		return id, nil
	}
	return sessionVariable()
}
