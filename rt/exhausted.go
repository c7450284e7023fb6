package rt

import (
	"fmt"
	"strings"
)

// exhausted tells a client why it is not admitted when descriptors lack.
func (d *daemon) exhausted() string {
	e := d.endpoint.Load()
	_, limits, _ := inherited()
	limit, _, ok := strings.Cut(limits["nofile"], ":")
	if !ok {
		return fmt.Sprintf("the daemon (pid %d) has no descriptors left", e.PID)
	}
	text := fmt.Sprintf("the daemon (pid %d) has no descriptors left: its limit on open files is %s, ", e.PID, limit)
	if Scope(e.Scope) == ScopeSystem {
		return text + "set where the service is started: raise it there (LimitNOFILE= in a unit of systemd) and start the service again"
	}
	return text + "inherited from the client that started it: raise the limit (ulimit -n) and call Restart"
}
