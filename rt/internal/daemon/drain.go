package daemon

import (
	"fmt"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// BeginShutdown is the first of the three steps of a shutdown. It returns at once. From
// then on no call begins, and the channel of ShuttingDown is closed. With now the running
// calls are canceled. Only the first reason counts, but a later BeginShutdown may still
// cancel the calls. It may be called concurrently.
func (d *Daemon) BeginShutdown(reason string, now bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.beginShutdownLocked(reason, now)
}

// beginShutdownIfUnused is BeginShutdown if the object is not in use. Otherwise it only
// returns how many clients and calls use the object. The connection that asks for this is
// an observer.
func (d *Daemon) beginShutdownIfUnused(reason string, now bool) (use string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shutdownReason == "" && d.inUse() {
		return fmt.Sprintf("clients: %d, calls: %d", d.clients, d.running-d.orphans.expired)
	}
	d.beginShutdownLocked(reason, now)
	return ""
}

// beginShutdownLocked is BeginShutdown with d.mu held.
func (d *Daemon) beginShutdownLocked(reason string, now bool) {
	if now && !d.now {
		d.now = true
		d.nowAt = time.Now()
		close(d.nowSet)
		d.stop(errShutdownNow)
		d.callsEnded.Broadcast()
	}
	if d.shutdownReason != "" {
		return
	}
	d.shutdownReason = reason
	d.turn.close(errDraining) // here, so that no waiting call begins when a running one ends
	d.startTimers()
	d.log.Info("shutting down", "because", reason, "calls", d.stats.Executed(), "running", d.running)
	close(d.shuttingDown)
}

// FinishShutdown is the second step of a shutdown, after BeginShutdown. It sends
// going-away to all clients, waits for the running calls and their replies, closes the
// connections, and closes the object. Calls in the queue fail, since BeginShutdown has
// closed the turn. Each connection is closed once its client has read everything. The
// connection that asked for the shutdown stays open: its end means that the process has
// exited. FinishShutdown must be called once.
func (d *Daemon) FinishShutdown() {
	d.mu.Lock()
	reason := d.shutdownReason
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
	// A connection that ends also ends its client's acquisitions, by calls of its own.
	d.setStep("")
	if finished && d.waitForCalls() {
		d.setStep("it closes its object")
		d.CloseObject()
	}
	d.setStep("it exits")
	d.stop(errDraining)
}

// setStep sets the step of the shutdown that progress returns.
func (d *Daemon) setStep(step string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.step = step
}

// progress returns why the daemon shuts down and what it waits for. It returns "" if the
// daemon does not shut down. d.mu is held.
func (d *Daemon) progress() string {
	if d.shutdownReason == "" {
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
	return cut.End(d.shutdownReason, 256) + "; " + waits // the text of a welcome has 768 bytes
}

// stepLimit returns how long a step of the shutdown may take: the time for a drain, or
// the rest of cancelGrace, but at least stepGrace, once now is set. d.mu is held.
func (d *Daemon) stepLimit(drain time.Duration) time.Duration {
	if !d.now {
		return drain
	}
	return min(drain, max(time.Until(d.nowAt.Add(d.limits.cancelGrace)), d.limits.stepGrace))
}

// waitWithin waits until done is closed, but at most for stepLimit, which becomes
// shorter if now is set meanwhile. It reports whether done was closed.
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

// waitForCalls waits until no call runs. A drain waits without limit for calls that have
// callers; once only expired orphans run, they are canceled. Canceled calls have
// cancelGrace to return. waitForCalls reports whether all calls have ended. If not, the
// object's Close is not called, since a method still uses the object.
func (d *Daemon) waitForCalls() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var until time.Time // zero: the daemon drains
	for d.running > 0 {
		if d.running == d.orphans.expired && !d.now {
			d.log.Warn("no longer waiting for calls whose callers are gone", "methods", d.orphans.methods())
			d.beginShutdownLocked(d.shutdownReason, true)
		}
		if d.now {
			if until.IsZero() {
				left := d.stepLimit(d.limits.cancelGrace)
				until = time.Now().Add(left)
				time.AfterFunc(left, func() {
					d.mu.Lock() // or the broadcast could come between the check of the time and Wait
					defer d.mu.Unlock()
					d.callsEnded.Broadcast()
				})
			}
			if !time.Now().Before(until) {
				d.log.Warn("exiting although calls still run; the object is not closed", "running", d.running, "without caller", d.orphans.methods())
				return false
			}
		}
		d.callsEnded.Wait()
	}
	return true
}

// linger closes a connection so that no answer is lost. It writes all queued frames,
// closes the write side, and waits until the client closes the connection. The daemon
// reads until then: closing a TCP socket with unread data resets the connection and
// discards data that was sent.
func (s *serverConn) linger() {
	// limits.write bounds all remaining writes together; the write queue bounds each one.
	stop := s.closeAfter(s.d.limits.write)
	s.out.Finish(errDraining)
	stop()
	s.mu.Lock()
	stays := s.stays
	s.mu.Unlock()
	if stays {
		return
	}
	// Not a deadline of the connection: the reader replaces it for every unfinished frame.
	defer s.closeAfter(s.d.limits.linger)()
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	} else {
		s.conn.Close() // a pipe: all written data has been read
	}
	<-s.ended // the read loop goes on until the connection ends
}

// closeAfter closes the connection unless stop is called within stepLimit.
func (s *serverConn) closeAfter(drain time.Duration) (stop func()) {
	done := make(chan struct{})
	go func() { // ends when stop is called, or the time has passed
		if !s.d.waitWithin(drain, done) {
			s.conn.Close()
		}
	}()
	return func() { close(done) }
}

// CloseConns is the third step of a shutdown, after FinishShutdown. It closes the
// connections that are still open, and every new one. A process that exits needs no
// CloseConns, since its exit closes them.
func (d *Daemon) CloseConns() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.connsClosed = true
	for s := range d.conns {
		s.conn.Close()
	}
}
