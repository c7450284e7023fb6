package host

import (
	"fmt"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/start"
)

// exhausted returns the reason for which the daemon, the process pid, refuses a client
// when it has no more descriptors.
func exhausted(scope string, pid int) string {
	_, limits, _ := inherited()
	limit, _, ok := strings.Cut(limits["nofile"], ":")
	if !ok {
		return fmt.Sprintf("the daemon (pid %d) has no descriptors left", pid)
	}
	text := fmt.Sprintf("the daemon (pid %d) has no descriptors left: its limit on open files is %s, ", pid, limit)
	if scope == start.ScopeSystem {
		return text + "set where the service is started: raise it there (LimitNOFILE= in a unit of systemd) and start the service again"
	}
	return text + "inherited from the client that started it: raise the limit (ulimit -n) and call Restart"
}
