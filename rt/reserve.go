package rt

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// reserve keeps descriptors that a daemon needs when it has no others: to accept a
// client, to tell it so, and to answer its Status or Shutdown. Only the goroutine that
// accepts uses it.
type reserve struct {
	spare []*os.File
	size  int // how many there are to be
}

const (
	// reserved is how many descriptors are kept where there are enough.
	reserved = 4
	// reservedOf is of how many free ones one is kept: a process that has hardly any
	// must still be able to serve.
	reservedOf = 4
)

func newReserve() *reserve {
	r := &reserve{size: reserved * reservedOf}
	r.fill()
	r.size = len(r.spare) / reservedOf
	for len(r.spare) > r.size {
		r.release()
	}
	return r
}

// fill reports whether the reserve is full now. If not, the descriptor that was used
// last should have been in it.
func (r *reserve) fill() bool {
	for len(r.spare) < r.size {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return false
		}
		r.spare = append(r.spare, f)
	}
	return true
}

// release frees a descriptor. It reports whether there was one.
func (r *reserve) release() bool {
	last := len(r.spare) - 1
	if last < 0 {
		return false
	}
	r.spare[last].Close()
	r.spare = r.spare[:last]
	return true
}

func (r *reserve) close() {
	for r.release() {
	}
}

// isExhausted reports whether err is that of a system call for which the process, or
// the system, had no descriptor left.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

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
