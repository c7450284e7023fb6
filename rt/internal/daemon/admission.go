package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// AcceptAll serves every connection that the listener takes until it is
// closed. It never waits for a client. When the process is out of descriptors it
// accepts with those that it has in reserve, from clients that may then only ask for
// Status and Shutdown, and without any it waits a moment instead of giving up.
func (d *Daemon) AcceptAll(ln net.Listener, authorize func(net.Conn) (Peer, error)) {
	spare := sock.NewReserve()
	defer spare.Close()
	for {
		conn, err := ln.Accept()
		if sock.IsExhausted(err) && spare.Release() {
			d.refused("the listener", err)
			continue
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			d.refused("the listener", err)
			time.Sleep(d.limits.acceptPause)
			continue
		}
		full := ""
		if !spare.Fill() {
			full = d.options.Exhausted()
		}
		go func() { // ends with the connection
			p, err := authorize(conn)
			p.Full = full
			if err != nil {
				d.refused(conn.RemoteAddr(), err)
				conn.Close()
				return
			}
			if p.Refused != "" {
				d.refuseUser(conn, p)
				return
			}
			d.ServeConn(conn, p)
		}()
	}
}

// admit takes a connection through the handshake, within the time for it.
// Whoever fails learns nothing: the connection is closed without a byte.
func (d *Daemon) admit(conn net.Conn, p Peer) (*serverConn, error) {
	s := d.trackPending(conn, p)
	conn.SetDeadline(time.Now().Add(d.limits.handshake))
	e := d.identity.Load()
	id := wire.Identity{
		Incarnation: e.Incarnation, Address: wire.AddressText(e.Address),
		MinVersion: uint(e.MinProtocol), MaxVersion: uint(e.MaxProtocol),
	}
	_, welcome, err := wire.Admit(s.reader, conn, e.Key, id, func(h wire.Hello) wire.Welcome {
		s.caller = p.caller(h.PID)
		s.pid = cmp.Or(s.caller.PID, h.PID)
		return d.addClient(s, p.Full)
	})
	if err == nil && !d.admitted(s) {
		err = &wire.RefusedError{Welcome: welcome}
	}
	if err != nil {
		s.gone()
		d.refused(conn.RemoteAddr(), err)
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	s.reader.Watch(conn)
	return s, nil
}

// trackPending makes room for a connection that has not proved anything: of too many, the
// oldest of the user with the most is closed. So a crowd of silent connections
// keeps nobody out, and one of another user keeps out only that user.
func (d *Daemon) trackPending(conn net.Conn, p Peer) *serverConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastConn++
	s := &serverConn{
		d:      d,
		conn:   conn,
		in:     sock.NewIntake(conn),
		number: d.lastConn,
		uid:    d.owner,
		since:  time.Now(),
		calls:  make(map[uint64]*servedCall),
		ended:  make(chan struct{}),
		memory: newMemory(&d.limits),
	}
	if p.Known {
		s.uid = p.UID
	}
	s.reader = wire.NewReader(s.in, d.limits.frame)
	s.inline.conn = s
	s.out = sock.NewWriteQueue(conn, d.limits.write, func(error) { conn.Close() })
	s.ctx, s.cancel = context.WithCancelCause(context.WithValue(d.ctx, callerKey{}, s))
	d.unauthenticated = append(d.unauthenticated, s)
	if len(d.unauthenticated) > d.limits.unauthenticated {
		i := crowded(d.unauthenticated)
		d.unauthenticated[i].conn.Close()
		d.unauthenticated = slices.Delete(d.unauthenticated, i, i+1)
	}
	return s
}

// crowded returns the index of the oldest connection of the user with the most.
func crowded(conns []*serverConn) (index int) {
	counts := make(map[int]int)
	for _, s := range conns {
		counts[s.uid]++
	}
	for i, s := range conns {
		if counts[s.uid] > counts[conns[index].uid] {
			index = i
		}
	}
	return index
}

// addClient admits an authenticated client, or says why not. Whoever comes when the
// daemon is leaving or full may still ask for its status or make it leave; a few
// places are kept for that. full says why the daemon has no room for it as a client;
// if it is empty the number of clients decides.
func (d *Daemon) addClient(s *serverConn, full string) wire.Welcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	welcome := wire.Welcome{
		Code:  wire.WelcomeOK,
		Calls: d.limits.calls,
		Bytes: int64(d.limits.bytes),
		Frame: d.limits.frame,
	}
	switch {
	case d.leaving != "":
		welcome = wire.Welcome{Code: wire.WelcomeDraining, Text: d.progress()}
	case full != "":
		welcome = wire.Welcome{Code: wire.WelcomeTooManyClients, Text: full}
	case d.atLimit(s.uid, d.limits.clients, 0) && s.uid == d.owner:
		welcome = wire.Welcome{Code: wire.WelcomeTooManyClients, Text: fmt.Sprintf("%d are connected", len(d.conns))}
	case d.atLimit(s.uid, d.limits.clients, 0):
		welcome = wire.Welcome{Code: wire.WelcomeTooManyClients, Text: fmt.Sprintf("%d are connected, %d of them are user %d's: one user may have %d of the %d places, and all users but the service's own %d",
			len(d.conns), d.perUser[s.uid], s.uid, userLimit(d.limits.clients), d.limits.clients, d.limits.clients-ownerReserve(d.limits.clients))}
	}
	if d.connsClosed || d.atLimit(s.uid, d.limits.clients, d.limits.observers) || !d.removeUnauthenticated(s) {
		return welcome // closed by admit: there is no place, or it was evicted a moment ago
	}
	d.conns[s] = struct{}{}
	d.perUser[s.uid]++
	if welcome.Code == wire.WelcomeOK {
		s.client = true
		d.clients++
	} else {
		s.leaving = true // nobody else knows s yet
	}
	return welcome
}

// atLimit reports whether a user can have no more of the places for clients and, on
// top, of those for observers. Another user than the daemon's own has a share of
// both, and all others together leave some to the daemon's own. d.mu is held.
func (d *Daemon) atLimit(uid, clients, observers int) bool {
	if uid == d.owner {
		return len(d.conns) >= clients+observers
	}
	return len(d.conns) >= clients+observers ||
		d.perUser[uid] >= userLimit(clients)+userLimit(observers) ||
		len(d.conns)-d.perUser[d.owner] >= clients+observers-ownerReserve(clients)-ownerReserve(observers)
}

// userLimit is how many of so many places one user other than the daemon's may have.
func userLimit(places int) int { return places - places/4 }

// ownerReserve is how many of so many places only the daemon's own user may have.
func ownerReserve(places int) int { return places / 16 }

// admitted reports whether a connection is past the handshake.
func (d *Daemon) admitted(s *serverConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.conns[s]
	return ok
}

// removeUnauthenticated reports whether a connection was still to be admitted. d.mu is
// held.
func (d *Daemon) removeUnauthenticated(s *serverConn) bool {
	i := slices.Index(d.unauthenticated, s)
	if i >= 0 {
		d.unauthenticated = slices.Delete(d.unauthenticated, i, i+1)
	}
	return i >= 0
}

// removeConn forgets a connection, admitted or not.
func (d *Daemon) removeConn(s *serverConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removeUnauthenticated(s)
	if _, ok := d.conns[s]; ok {
		delete(d.conns, s)
		if d.perUser[s.uid]--; d.perUser[s.uid] == 0 {
			delete(d.perUser, s.uid)
		}
	}
	if s.client {
		s.client = false
		d.clients--
		d.rearm(true)
	}
}

// refuseUser refuses a user whom the service does not admit. The connection takes no
// place, and nothing is read from it.
func (d *Daemon) refuseUser(conn net.Conn, p Peer) {
	conn.SetDeadline(time.Now().Add(d.limits.handshake))
	wire.Refuse(conn, p.Refused) // a peer that does not take it has closed the connection
	conn.Close()
	d.RefusedUser(p.Refused)
}

// RefusedUser logs a refused user, with refused's restraint.
func (d *Daemon) RefusedUser(because string) {
	d.mu.Lock()
	suppressed, ok := d.refusals.allow(time.Now())
	d.mu.Unlock()
	if ok {
		d.log.Warn("refused a connection", "because", because, "unlogged", suppressed)
	}
}

// refused logs a connection that was not admitted, but not every one: a
// scanner must not fill the log.
func (d *Daemon) refused(from any, err error) {
	d.mu.Lock()
	suppressed, ok := d.refusals.allow(time.Now())
	d.mu.Unlock()
	if ok {
		d.log.Warn("refused a connection", "from", from, "because", err, "unlogged", suppressed)
	}
}

// refusals lets one refusal a second through to the log.
type refusals struct {
	last       time.Time
	suppressed int
}

func (r *refusals) allow(now time.Time) (suppressed int, ok bool) {
	if now.Sub(r.last) < time.Second {
		r.suppressed++
		return 0, false
	}
	suppressed = r.suppressed
	r.last, r.suppressed = now, 0
	return suppressed, true
}
