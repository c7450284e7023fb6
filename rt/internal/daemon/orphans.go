package daemon

import (
	"slices"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/stub"
)

// OrphanTimeout is the usual Options.OrphanTimeout.
const OrphanTimeout = 30 * time.Second

// orphans are the running calls whose callers are gone: their connections have ended,
// and nobody reads the results. A call that ends an acquisition in the place of such a
// client is one, too.
//
// The daemon waits OrphanTimeout for an orphan; then the orphan has expired. An expired
// orphan counts neither against idleness nor in a drain. The time of a concurrent call
// starts when its caller is gone. That of a call in the turn starts when the daemon
// drains as well: without a drain, work that a short-lived client began is finished.
//
// daemon.mu guards all of it.
type orphans struct {
	timeout time.Duration // Options.OrphanTimeout; negative: they never expire
	running []*orphan
	expired int // of running
}

// orphan is one such call.
type orphan struct {
	method  string
	mode    stub.Mode
	pid     int         // of the caller that is gone
	timer   *time.Timer // nil: the time has not started
	expired bool
}

// addOrphan notes that a running call has lost its caller. The result is for removeRunning.
func (d *Daemon) addOrphan(method string, mode stub.Mode, pid int) *orphan {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := &orphan{method: method, mode: mode, pid: pid}
	d.orphans.running = append(d.orphans.running, o)
	if mode == stub.Concurrent || d.leaving != "" {
		d.startTimer(o)
	}
	return o
}

// startTimer starts the time of an orphan. d.mu is held.
func (d *Daemon) startTimer(o *orphan) {
	if o.timer == nil && d.orphans.timeout >= 0 {
		o.timer = time.AfterFunc(d.orphans.timeout, func() { d.expire(o) })
	}
}

// startTimers starts the times of all orphans, since the daemon drains. d.mu is held.
func (d *Daemon) startTimers() {
	for _, o := range d.orphans.running {
		d.startTimer(o)
	}
}

// expire makes an orphan count no more. It runs in the timer's goroutine.
func (d *Daemon) expire(o *orphan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.orphans.running, o) {
		return // it has ended
	}
	o.expired = true
	d.orphans.expired++
	d.log.Warn("a call runs on without its caller; the daemon no longer waits for it",
		"method", o.method, "caller", o.pid, "after", d.orphans.timeout)
	if d.leaving != "" {
		d.callsEnded.Broadcast()
	} else {
		d.rearm(false)
	}
}

// remove forgets an orphan whose call has ended. It reports whether the call still
// counted. o is nil for a call that has a caller.
func (s *orphans) remove(o *orphan) (counted bool) {
	if o == nil {
		return true
	}
	if o.timer != nil {
		o.timer.Stop()
	}
	if i := slices.Index(s.running, o); i >= 0 {
		s.running = slices.Delete(s.running, i, i+1)
	}
	if o.expired {
		s.expired--
	}
	return !o.expired
}

// methods names the methods of the orphans, a few at most.
func (s *orphans) methods() string {
	const most = 5
	var names []string
	for _, o := range s.running {
		if name := cut.Name(o.method); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return strings.Join(names, ", ")
}

// orphanAll notes that all running calls of a connection have lost their caller.
func (s *serverConn) orphanAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		c.orphan = s.d.addOrphan(c.method.Name, c.method.Mode, s.pid)
	}
}
