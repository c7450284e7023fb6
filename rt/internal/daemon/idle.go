package daemon

import (
	"time"
)

// Open starts the idle time. A daemon that was just born waits a while longer,
// so that whoever started it finds it.
func (d *Daemon) Open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.started = time.Now()
	if d.idleTTL < 0 {
		return
	}
	d.idleAt = time.Now().Add(max(d.idleTTL, d.limits.firstClientGrace))
	d.idle = time.AfterFunc(time.Until(d.idleAt), d.checkIdle)
}

// checkIdle leaves if nobody came. It runs in the timer's goroutine.
func (d *Daemon) checkIdle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inUse() || d.leaving != "" {
		return
	}
	if left := time.Until(d.idleAt); left > 0 {
		d.idle.Reset(left)
		return
	}
	d.leaveLocked("idle", false)
}

// rearm looks at the idle time again after a connection or a call has ended.
// used tells whether that was a use of the object, which begins the time anew.
// d.mu is held.
func (d *Daemon) rearm(used bool) {
	if d.idle == nil {
		return
	}
	if used { // even if others are connected: who leaves last may be an observer
		d.idleAt = time.Now().Add(d.idleTTL)
	}
	if d.inUse() {
		return
	}
	d.idle.Reset(max(time.Until(d.idleAt), 0))
}

// inUse reports whether the object is in use: a client is connected, or a call runs that
// counts. d.mu is held.
func (d *Daemon) inUse() bool { return d.clients > 0 || d.running > d.orphans.expired }

// addRunning counts a call that was accepted.
func (d *Daemon) addRunning() {
	d.mu.Lock()
	d.running++
	d.mu.Unlock()
}

// removeRunning counts a call whose answer is in its connection's outbox. o is not nil if the
// call has lost its caller.
func (d *Daemon) removeRunning(o *orphan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	counted := d.orphans.remove(o)
	if d.running == d.orphans.expired {
		d.callsEnded.Broadcast()
		if counted {
			d.rearm(true)
		}
	}
}

// setClient notes whether a connection is a user of the object, or only observes.
func (d *Daemon) setClient(s *serverConn, user bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case user && !s.client:
		d.clients++
	case !user && s.client:
		d.clients--
	}
	s.client = user
	d.rearm(false)
}
