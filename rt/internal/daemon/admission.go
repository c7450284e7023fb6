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

// AcceptAll serves every connection of a listener until the listener is closed. It never
// waits for a client. If the process has no more descriptors, AcceptAll uses its reserve;
// a connection accepted with it may only ask for Status and Shutdown. If the reserve is
// empty too, AcceptAll pauses and retries.
func (d *Daemon) AcceptAll(ln net.Listener, authorize func(net.Conn) (Peer, error)) {
	spare := sock.NewSpareDescriptors()
	defer spare.Close()
	for {
		conn, err := ln.Accept()
		if sock.IsExhausted(err) && spare.Release() {
			d.logRefused("the listener", err)
			continue
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			d.logRefused("the listener", err)
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
				d.refuseUnauthorized(conn, err)
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

// admit runs the handshake of a connection, within limits.handshake. If the client fails
// to authenticate, the connection is closed without an answer.
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
	if welcome.Code > wire.WelcomeOK {
		d.stats.RefuseConnection(welcome.Code)
	} else if err != nil {
		d.stats.RefuseConnection(0)
	}
	if err != nil {
		s.gone()
		d.logRefused(conn.RemoteAddr(), err)
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	s.reader.Watch(conn)
	return s, nil
}

// trackPending returns a new, unauthenticated connection. If there are too many of these,
// the daemon closes the oldest one of the user with the most. So silent connections never
// exclude a new client, and a user with many of them loses only its own.
func (d *Daemon) trackPending(conn net.Conn, p Peer) *serverConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &serverConn{
		d:      d,
		conn:   conn,
		in:     sock.NewIntake(conn),
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
		i := oldestOfLargestUser(d.unauthenticated)
		d.unauthenticated[i].conn.Close()
		d.unauthenticated = slices.Delete(d.unauthenticated, i, i+1)
	}
	return s
}

// oldestOfLargestUser returns the index of the oldest connection of the user with the
// most connections.
func oldestOfLargestUser(conns []*serverConn) (index int) {
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

// maxKept bounds the connections that keep their read buffers while they are idle: those
// that were admitted while there were fewer connections.
const maxKept = 64

// addClient admits an authenticated connection and returns its welcome. If the daemon is
// shutting down or full, the connection may still ask for Status and Shutdown, as one of
// at most limits.observers more. full says why the connection cannot be a client; if
// full is empty, the number of connections decides.
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
	case d.shutdownReason != "":
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
		return welcome // admit closes it: it is one too many, or trackPending has closed it
	}
	s.reader.Keep = len(d.conns) < maxKept
	d.conns[s] = struct{}{}
	d.perUser[s.uid]++
	if welcome.Code == wire.WelcomeOK {
		s.client = true
		d.clients++
	} else {
		s.noCalls = true // without s.mu: no other goroutine has s yet
	}
	return welcome
}

// atLimit reports whether a user has as many connections as it may have of the sum of
// clients and observers. userLimit bounds every user but the daemon's own, and
// ownerReserve bounds these other users together. d.mu is held.
func (d *Daemon) atLimit(uid, clients, observers int) bool {
	if uid == d.owner {
		return len(d.conns) >= clients+observers
	}
	return len(d.conns) >= clients+observers ||
		d.perUser[uid] >= userLimit(clients)+userLimit(observers) ||
		len(d.conns)-d.perUser[d.owner] >= clients+observers-ownerReserve(clients)-ownerReserve(observers)
}

// userLimit returns how many of limit connections a user other than the daemon's own may
// have.
func userLimit(limit int) int { return limit - limit/4 }

// ownerReserve returns how many of limit connections are reserved for the daemon's own
// user.
func ownerReserve(limit int) int { return limit / 16 }

// admitted reports whether a connection is past the handshake.
func (d *Daemon) admitted(s *serverConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.conns[s]
	return ok
}

// removeUnauthenticated removes a connection from the unauthenticated ones, and reports
// whether it was among them. d.mu is held.
func (d *Daemon) removeUnauthenticated(s *serverConn) bool {
	i := slices.Index(d.unauthenticated, s)
	if i >= 0 {
		d.unauthenticated = slices.Delete(d.unauthenticated, i, i+1)
	}
	return i >= 0
}

// removeConn removes a connection, admitted or not, from the daemon.
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

// refuseUnauthorized closes a connection whose user is the wrong one, or not known.
func (d *Daemon) refuseUnauthorized(conn net.Conn, because error) {
	d.stats.RefuseConnection(wire.WelcomeNotAllowed)
	d.logRefused(conn.RemoteAddr(), because)
	conn.Close()
}

// refuseUser closes the connection of a user whom the daemon does not admit. The
// connection counts against no limit, and nothing is read from it.
func (d *Daemon) refuseUser(conn net.Conn, p Peer) {
	conn.SetDeadline(time.Now().Add(d.limits.handshake))
	wire.Refuse(conn, p.Refused) // an error means that the peer does not read, or has closed
	conn.Close()
	d.LogRefusedUser(p.Refused)
}

// LogRefusedUser counts and logs the refusal of a user, at the rate of logRefused. It may be
// called concurrently.
func (d *Daemon) LogRefusedUser(because string) {
	d.stats.RefuseConnection(wire.WelcomeNotAllowed)
	d.mu.Lock()
	suppressed, ok := d.refusals.allow(time.Now())
	d.mu.Unlock()
	if ok {
		d.log.Warn("refused a connection", "because", because, "unlogged", suppressed)
	}
}

// logRefused logs a connection that was not admitted. The rate is limited, so that a port
// scanner cannot fill the log.
func (d *Daemon) logRefused(from any, err error) {
	d.mu.Lock()
	suppressed, ok := d.refusals.allow(time.Now())
	d.mu.Unlock()
	if ok {
		d.log.Warn("refused a connection", "from", from, "because", err, "unlogged", suppressed)
	}
}

// refusals limits the logged refusals to one per second.
type refusals struct {
	last       time.Time
	suppressed int
}

// allow reports whether a refusal may be logged now, and how many were not logged since
// the last one that was.
func (r *refusals) allow(now time.Time) (suppressed int, ok bool) {
	if now.Sub(r.last) < time.Second {
		r.suppressed++
		return 0, false
	}
	suppressed = r.suppressed
	r.last, r.suppressed = now, 0
	return suppressed, true
}
