package daemon

import (
	"slices"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/stub"
)

// OrphanTimeout is the default of Options.OrphanTimeout.
const OrphanTimeout = 30 * time.Second

// orphans are the running calls whose callers are gone: their connections have ended,
// and their results are discarded. A call that ends an acquisition of such a client is an
// orphan, too.
//
// The daemon waits OrphanTimeout for an orphan; then the orphan has expired. An expired
// orphan does not keep the daemon running, and a drain does not wait for it. The time of a
// concurrent call starts when its connection ends. The time of a call that takes turns
// starts only in a drain: without one, such a call of a short-lived client may finish its
// work.
//
// Daemon.mu guards orphans and every orphan.
type orphans struct {
	timeout time.Duration // Options.OrphanTimeout; negative: orphans never expire
	running []*orphan
	expired int // of running
}

// orphan is a running call whose caller is gone.
type orphan struct {
	method  string
	pid     int         // of the caller that is gone
	timer   *time.Timer // of the OrphanTimeout; nil: not started
	expired bool
}

// addOrphan notes that a running call has lost its caller. removeRunning takes the result.
func (d *Daemon) addOrphan(method string, mode stub.Mode, pid int) *orphan {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := &orphan{method: method, pid: pid}
	d.orphans.running = append(d.orphans.running, o)
	if mode == stub.Concurrent || d.shutdownReason != "" {
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

// startTimers starts the times of all orphans at the beginning of a drain. d.mu is held.
func (d *Daemon) startTimers() {
	for _, o := range d.orphans.running {
		d.startTimer(o)
	}
}

// expire makes an orphan an expired one. It runs in the timer's goroutine.
func (d *Daemon) expire(o *orphan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.orphans.running, o) {
		return // the call has ended
	}
	o.expired = true
	d.orphans.expired++
	d.log.Warn("no longer waiting for a call whose caller is gone",
		"method", o.method, "caller", o.pid, "after", d.orphans.timeout)
	if d.shutdownReason != "" {
		d.callsEnded.Broadcast()
	} else {
		d.rearm(false)
	}
}

// remove removes an orphan whose call has ended. It reports whether the call counted until
// now, so it was not expired. o is nil for a call that has a caller.
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

// methods returns the names of the orphans' methods, at most a few.
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
