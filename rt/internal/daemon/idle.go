package daemon

import "time"

// Open starts the idle time, and counts the start. A new daemon waits at least
// firstClientGrace, so that the client that started it can connect.
func (d *Daemon) Open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.Started(true)
	d.started = time.Now()
	if d.idleTTL < 0 {
		return
	}
	d.idleAt = time.Now().Add(max(d.idleTTL, d.limits.firstClientGrace))
	d.idle = time.AfterFunc(time.Until(d.idleAt), d.checkIdle)
}

// checkIdle shuts the daemon down if the idle time has passed and the object is not in
// use. It runs in the timer's goroutine.
func (d *Daemon) checkIdle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inUse() || d.shutdownReason != "" {
		return
	}
	if left := time.Until(d.idleAt); left > 0 {
		d.idle.Reset(left)
		return
	}
	d.beginShutdownLocked("idle", false)
}

// rearm sets the idle timer after a connection or a call has ended. If used is true, the
// connection or the call was a use of the object, and the idle time starts again.
// d.mu is held.
func (d *Daemon) rearm(used bool) {
	if d.idle == nil {
		return
	}
	if used { // even if the object is in use: the last connection to end may be an observer
		d.idleAt = time.Now().Add(d.idleTTL)
	}
	if d.inUse() {
		return
	}
	d.idle.Reset(max(time.Until(d.idleAt), 0))
}

// inUse reports whether a client is connected, or a call runs that is not an expired
// orphan. d.mu is held.
func (d *Daemon) inUse() bool { return d.clients > 0 || d.running > d.orphans.expired }

// addRunning counts an accepted call.
func (d *Daemon) addRunning() {
	d.mu.Lock()
	d.running++
	d.mu.Unlock()
}

// removeRunning ends the count of a call. The call's answer is in its connection's write
// queue by then. o is not nil if the call has lost its caller.
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

// setClient makes a connection a client, or an observer, which does not count against
// idleness.
func (d *Daemon) setClient(s *serverConn, client bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case client && !s.client:
		d.clients++
	case !client && s.client:
		d.clients--
	}
	s.client = client
	d.rearm(false)
}
