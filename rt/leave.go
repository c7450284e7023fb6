package rt

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// leave makes the daemon leave: from now on no call begins. What runs is
// finished by depart. A later call can only hurry it.
func (d *daemon) leave(reason string, mode ShutdownMode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leaveLocked(reason, mode)
}

// leaveUnused is leave, unless somebody uses the object: it says who. Whoever asks
// observes only.
func (d *daemon) leaveUnused(reason string, mode ShutdownMode) (use string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leaving == "" && (d.users > 0 || d.running > 0) {
		return fmt.Sprintf("clients: %d, calls: %d", d.users, d.running)
	}
	d.leaveLocked(reason, mode)
	return ""
}

// leaveLocked is leave with d.mu held.
func (d *daemon) leaveLocked(reason string, mode ShutdownMode) {
	if mode == ShutdownNow && d.mode != ShutdownNow {
		d.mode = mode
		d.stop(errLeavingNow)
		d.finished.Broadcast()
	}
	if d.leaving != "" {
		return
	}
	d.leaving = reason
	d.turn.close(ErrDraining) // at once: when the call that runs ends, none that waits may begin
	d.log.Info("leaving", "because", reason, "calls", d.executed.Load(), "running", d.running)
	close(d.departing)
}

// depart brings a leaving daemon to its end: clients are told, calls that wait
// are refused, calls that run are finished and acknowledged, connections are
// closed once their clients have read everything, and the object is closed.
// The connection that asked for the shutdown stays open: its end tells the
// client that the process is gone.
func (d *daemon) depart() {
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
	finished := d.finish()
	var lingering sync.WaitGroup
	for _, s := range conns {
		lingering.Go(func() { s.linger() })
	}
	lingering.Wait()
	// Connections have ended, and with them what their clients had acquired.
	if d.finish() && finished {
		d.closeObject()
	}
	d.stop(ErrDraining)
}

// finish waits for the calls that run: as long as they take, or, when the
// daemon leaves at once, until they have had time to notice. It reports whether
// they have ended; if not, the object's Close is not called, since a method is
// still at work on it.
func (d *daemon) finish() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var since time.Time
	for d.running > 0 {
		if d.mode == ShutdownNow {
			if since.IsZero() {
				since = time.Now()
				time.AfterFunc(d.limits.cancelGrace, func() {
					d.mu.Lock() // or finish might be between its look at the clock and Wait
					defer d.mu.Unlock()
					d.finished.Broadcast()
				})
			}
			if time.Since(since) >= d.limits.cancelGrace {
				d.log.Warn("leaving although calls still run; the object is not closed", "running", d.running)
				return false
			}
		}
		d.finished.Wait()
	}
	return true
}

// linger closes a connection so that no answer is lost: all is written, the
// end is announced, and what the client may still send is read, since closing
// a TCP socket with unread data resets it and discards what was sent.
func (s *serverConn) linger() {
	patience := s.d.limits.write // for all that is left; the outbox bounds each of its writes
	if s.d.hurried() {
		patience = s.d.limits.linger
	}
	late := time.AfterFunc(patience, func() { s.conn.Close() })
	s.out.finish(ErrDraining)
	late.Stop()
	s.mu.Lock()
	stays := s.stays
	s.mu.Unlock()
	if stays {
		return
	}
	// Not a deadline: those of unfinished frames replace each other.
	defer time.AfterFunc(s.d.limits.linger, func() { s.conn.Close() }).Stop()
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	} else {
		s.conn.Close() // a pipe: what was written was read
	}
	<-s.ended // whoever reads reads on until the end
}

// hurried reports whether the daemon leaves at once.
func (d *daemon) hurried() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mode == ShutdownNow
}

// closeObject calls the object's own Close, if it has one, and waits for it
// only so long.
func (d *daemon) closeObject() {
	var closing func() error
	switch o := d.object.(type) {
	case interface{ Close() error }:
		closing = o.Close
	case interface{ Close() }:
		closing = func() error { o.Close(); return nil }
	default:
		return
	}
	done := make(chan struct{})
	go func() { // ends with Close, or with the process
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				d.log.Error("the object's Close panicked", "value", v)
			}
		}()
		if err := closing(); err != nil {
			d.log.Error("the object's Close failed", "err", err)
		}
	}()
	select {
	case <-done:
	case <-time.After(d.limits.objectClose):
		d.log.Error("the object's Close did not return", "within", d.limits.objectClose)
	}
}

// acceptAll serves every connection that the listener takes until it is
// closed. It never waits for a client, and when the process is out of
// descriptors it waits a moment instead of giving up.
func (d *daemon) acceptAll(ln net.Listener, trusted func(net.Conn) (peer, error)) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			d.refused("the listener", err)
			time.Sleep(d.limits.acceptPause)
			continue
		}
		go func() { // ends with the connection
			p, err := trusted(conn)
			if err != nil {
				d.refused(conn.RemoteAddr(), err)
				conn.Close()
				return
			}
			if p.refused != "" {
				d.turnAway(conn, p)
				return
			}
			d.serveConn(conn, p)
		}()
	}
}
