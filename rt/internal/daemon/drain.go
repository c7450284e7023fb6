package daemon

import (
	"fmt"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// Leave makes the daemon leave: from now on no call begins. What runs is
// finished by depart. A later call can only hurry it.
func (d *Daemon) Leave(reason string, now bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leaveLocked(reason, now)
}

// leaveUnused is leave, unless somebody uses the object: it says who. Whoever asks
// observes only.
func (d *Daemon) leaveUnused(reason string, now bool) (use string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leaving == "" && d.inUse() {
		return fmt.Sprintf("clients: %d, calls: %d", d.clients, d.running-d.orphans.expired)
	}
	d.leaveLocked(reason, now)
	return ""
}

// leaveLocked is leave with d.mu held.
func (d *Daemon) leaveLocked(reason string, now bool) {
	if now && !d.now {
		d.now = true
		d.nowAt = time.Now()
		close(d.nowSet)
		d.stop(errLeavingNow)
		d.callsEnded.Broadcast()
	}
	if d.leaving != "" {
		return
	}
	d.leaving = reason
	d.turn.close(errDraining) // at once: when the call that runs ends, none that waits may begin
	d.startTimers()
	d.log.Info("leaving", "because", reason, "calls", d.executed.Load(), "running", d.running)
	close(d.departing)
}

// Depart brings a leaving daemon to its end: clients are told, calls that wait
// are refused, calls that run are finished and acknowledged, connections are
// closed once their clients have read everything, and the object is closed.
// The connection that asked for the shutdown stays open: its end tells the
// client that the process is gone.
func (d *Daemon) Depart() {
	d.mu.Lock()
	reason := d.leaving
	conns := make([]*serverConn, 0, len(d.conns))
	for s := range d.conns {
		conns = append(conns, s)
	}
	d.mu.Unlock()
	for _, s := range conns {
		s.goAway(reason)
	}
	finished := d.waitForCalls()
	d.setStep("it closes its connections")
	var lingering sync.WaitGroup
	for _, s := range conns {
		lingering.Go(func() { s.linger() })
	}
	lingering.Wait()
	// Connections have ended, and with them what their clients had acquired.
	d.setStep("")
	if finished && d.waitForCalls() {
		d.setStep("it closes its object")
		d.CloseObject()
	}
	d.setStep("it exits")
	d.stop(errDraining)
}

// enter notes what the daemon does now on its way out.
func (d *Daemon) setStep(step string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.step = step
}

// progress says why the daemon is leaving and what it waits for, or "" if it is not
// leaving. d.mu is held.
func (d *Daemon) progress() string {
	if d.leaving == "" {
		return ""
	}
	waits := d.step
	lost := len(d.orphans.running)
	switch with := d.running - lost; {
	case waits != "":
	case d.running > 0 && d.now:
		waits = "it has canceled the calls that run and exits in a moment"
	case with > 0 && lost > 0:
		waits = fmt.Sprintf("it waits for calls that run: %d, and %d whose callers are gone (%s)", with, lost, d.orphans.methods())
	case with > 0:
		waits = fmt.Sprintf("it waits for calls that run: %d", with)
	case lost > 0 && d.orphans.timeout < 0:
		waits = fmt.Sprintf("it waits for calls whose callers are gone (%s)", d.orphans.methods())
	case lost > 0:
		waits = fmt.Sprintf("it waits at most %v for calls whose callers are gone (%s)", d.orphans.timeout, d.orphans.methods())
	default:
		waits = "it closes its object and exits"
	}
	return cut.End(d.leaving, 256) + "; " + waits // the text of a welcome has 768 bytes
}

// stepLimit is how long a step may take that takes so long in a drain: less once the
// daemon leaves at once. d.mu is held.
func (d *Daemon) stepLimit(drain time.Duration) time.Duration {
	if !d.now {
		return drain
	}
	return min(drain, max(time.Until(d.nowAt.Add(d.limits.cancelGrace)), d.limits.stepGrace))
}

// waitWithin waits until done is closed, but no longer than stepLimit says, even if the
// daemon begins to leave at once meanwhile. It reports whether done was closed.
func (d *Daemon) waitWithin(drain time.Duration, done <-chan struct{}) bool {
	limit := func() time.Duration {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.stepLimit(drain)
	}
	timer := time.NewTimer(limit())
	defer timer.Stop()
	nowSet := d.nowSet
	for {
		select {
		case <-done:
			return true
		case <-timer.C:
			return false
		case <-nowSet:
			nowSet = nil
			timer.Reset(limit())
		}
	}
}

// waitForCalls waits for the calls that run: as long as they take, or, when the
// daemon leaves at once, until they have had time to notice. It leaves at once when
// only expired orphans run. It reports whether all calls have ended; if not, the
// object's Close is not called, since a method is still at work on it.
func (d *Daemon) waitForCalls() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var until time.Time // zero: the daemon drains
	for d.running > 0 {
		if d.running == d.orphans.expired && !d.now {
			d.log.Warn("waiting no more for calls whose callers are gone", "methods", d.orphans.methods())
			d.leaveLocked(d.leaving, true)
		}
		if d.now {
			if until.IsZero() {
				left := d.stepLimit(d.limits.cancelGrace)
				until = time.Now().Add(left)
				time.AfterFunc(left, func() {
					d.mu.Lock() // or finish might be between its look at the clock and Wait
					defer d.mu.Unlock()
					d.callsEnded.Broadcast()
				})
			}
			if !time.Now().Before(until) {
				d.log.Warn("leaving although calls still run; the object is not closed", "running", d.running, "without caller", d.orphans.methods())
				return false
			}
		}
		d.callsEnded.Wait()
	}
	return true
}

// linger closes a connection so that no answer is lost: all is written, the
// end is announced, and what the client may still send is read, since closing
// a TCP socket with unread data resets it and discards what was sent.
func (s *serverConn) linger() {
	// All that is left is written within that time; the outbox bounds each of its writes.
	stop := s.closeAfter(s.d.limits.write)
	s.out.Finish(errDraining)
	stop()
	s.mu.Lock()
	stays := s.stays
	s.mu.Unlock()
	if stays {
		return
	}
	// Not a deadline: those of unfinished frames replace each other.
	defer s.closeAfter(s.d.limits.linger)()
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	} else {
		s.conn.Close() // a pipe: what was written was read
	}
	<-s.ended // whoever reads reads on until the end
}

// closeAfter closes the connection unless stop is called within stepLimit.
func (s *serverConn) closeAfter(drain time.Duration) (stop func()) {
	done := make(chan struct{})
	go func() { // ends when stop is called, or the time is over
		if !s.d.waitWithin(drain, done) {
			s.conn.Close()
		}
	}()
	return func() { close(done) }
}

// HangUp closes what depart left open for the end of the process to close.
func (d *Daemon) HangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.connsClosed = true
	for s := range d.conns {
		s.conn.Close()
	}
}
