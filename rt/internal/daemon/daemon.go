package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/internal/sock"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// daemon hosts one object: it admits connections, runs their calls in turn,
// and decides when to leave. It knows neither files nor processes; see serve.
type Daemon struct {
	svc     *stub.Service
	options Options
	effects []methodEffect // of its methods, for sessions; nil: none has any
	object  any
	idleTTL time.Duration
	limits  limits
	log     *slog.Logger
	turn    turn
	started time.Time
	owner   int // the user of this process

	quick        []atomic.Bool // whether a method took no longer than quickTime the last time
	inlineRunner inlineRunner
	answered     sync.Pool // of *servedCall, to be used again

	// identity is set before the first connection, and replaced as a whole when the
	// daemon has to listen elsewhere.
	identity atomic.Pointer[Identity]

	// ctx lives as long as the object: it is the context of the constructor
	// and the parent of every call's. stop ends it.
	ctx  context.Context
	stop context.CancelCauseFunc

	departing chan struct{} // closed by leave
	executed  atomic.Uint64 // calls

	// mu guards what follows. Admission and the decision to leave are made
	// under it, so that a connection is either admitted by a daemon that stays
	// or sees one that leaves.
	mu              sync.Mutex
	conns           map[*serverConn]struct{} // past the handshake
	perUser         map[int]int              // number of conns by user
	users           int                      // those that count against idleness
	unauthenticated []*serverConn            // not yet admitted, the oldest first
	running         int                      // calls accepted and not yet answered
	orphans         orphans                  // those of running that have lost their callers
	finished        *sync.Cond               // signalled when no call, or none that counts, is left
	idle            *time.Timer              // runs while nobody is connected
	idleAt          time.Time                // when the idle time is over
	leaving         string                   // why it leaves; empty: it does not
	now             bool                     // it leaves at once: running calls are canceled
	hurried         chan struct{}            // closed when now is set
	hurriedAt       time.Time                // when that was
	step            string                   // what a leaving daemon does once no call runs; empty: it waits for calls
	hungUp          bool                     // it has left, and the process lives on: no connection stays
	refusals        refusals
	numbers         uint64 // of connections
	lastPanic       string
}

// Options are what a daemon is told by its process.
type Options struct {
	IdleTTL       time.Duration // without clients before it leaves; negative: it stays
	OrphanTimeout time.Duration // for a running call whose caller is gone; negative: without bound; 0: OrphanTimeout
	Log           *slog.Logger

	// Explain completes an error of decoding arguments with what this program is and
	// what to do. Nil leaves the error as it is.
	Explain func(error) error
	// Exhausted says why the process has no descriptors left, and what to do.
	Exhausted func() string
	// Limits replaces those of the usual limits that are not zero.
	Limits Limits
	// Inherited returns what Status says of the process: its priority, its resource
	// limits, and the names of its environment variables.
	Inherited func() (nice int, limits map[string]string, env []string)
}

// Limits are what a daemon announces to its clients.
type Limits struct {
	Calls   int // outstanding on a connection
	Bytes   int // of requests outstanding on a connection
	Frame   int // bytes in the body of a frame
	Clients int
}

// Identity says which daemon this is and where it listens.
type Identity struct {
	Incarnation              string
	Key                      wire.Key
	Network, Address         string
	MinProtocol, MaxProtocol int
	PID                      int
	Service, Name, Scope     string
	Executable, Build        string
	Version                  int
	Config                   string
	Log                      string
}

// New makes the daemon around an object that Construct is yet to make: the
// constructor gets the daemon's context.
func New(svc *stub.Service, o Options) *Daemon {
	d := &Daemon{
		svc:       svc,
		options:   o,
		effects:   effectsOf(svc),
		idleTTL:   o.IdleTTL,
		limits:    defaultLimits,
		log:       o.Log,
		departing: make(chan struct{}),
		hurried:   make(chan struct{}),
		orphans:   orphans{timeout: cmp.Or(o.OrphanTimeout, OrphanTimeout)},
		conns:     make(map[*serverConn]struct{}),
		perUser:   make(map[int]int),
		owner:     os.Geteuid(),
	}
	d.limits.calls = cmp.Or(o.Limits.Calls, d.limits.calls)
	d.limits.bytes = cmp.Or(o.Limits.Bytes, d.limits.bytes)
	d.limits.frame = cmp.Or(o.Limits.Frame, d.limits.frame)
	d.limits.clients = cmp.Or(o.Limits.Clients, d.limits.clients)
	d.quick = make([]atomic.Bool, len(svc.Methods))
	d.finished = sync.NewCond(&d.mu)
	d.ctx, d.stop = context.WithCancelCause(context.Background())
	return d
}

// Open starts the idle time. A daemon that was just born waits a while longer,
// so that whoever started it finds it.
func (d *Daemon) Open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.started = time.Now()
	if d.idleTTL < 0 {
		return
	}
	d.idleAt = time.Now().Add(max(d.idleTTL, d.limits.birthGrace))
	d.idle = time.AfterFunc(time.Until(d.idleAt), d.checkIdle)
}

// checkIdle leaves if nobody came. It runs in the timer's goroutine.
func (d *Daemon) checkIdle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.used() || d.leaving != "" {
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
	if d.used() {
		return
	}
	d.idle.Reset(max(time.Until(d.idleAt), 0))
}

// used reports whether the object is in use: a client is connected, or a call runs that
// counts. d.mu is held.
func (d *Daemon) used() bool { return d.users > 0 || d.running > d.orphans.expired }

// begun counts a call that was accepted.
func (d *Daemon) begun() {
	d.mu.Lock()
	d.running++
	d.mu.Unlock()
}

// ended counts a call whose answer is in its connection's outbox. o is not nil if the
// call has lost its caller.
func (d *Daemon) ended(o *orphan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	counted := d.orphans.remove(o)
	if d.running == d.orphans.expired {
		d.finished.Broadcast()
		if counted {
			d.rearm(true)
		}
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
		return d.decide(s, p.Full)
	})
	if err == nil && !d.knows(s) {
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
	d.numbers++
	s := &serverConn{
		d:      d,
		conn:   conn,
		in:     sock.NewIntake(conn),
		number: d.numbers,
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

// decide admits an authenticated client, or says why not. Whoever comes when the
// daemon is leaving or full may still ask for its status or make it leave; a few
// places are kept for that. full says why the daemon has no room for it as a client;
// if it is empty the number of clients decides.
func (d *Daemon) decide(s *serverConn, full string) wire.Welcome {
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
	case d.full(s.uid, d.limits.clients, 0) && s.uid == d.owner:
		welcome = wire.Welcome{Code: wire.WelcomeTooManyClients, Text: fmt.Sprintf("%d are connected", len(d.conns))}
	case d.full(s.uid, d.limits.clients, 0):
		welcome = wire.Welcome{Code: wire.WelcomeTooManyClients, Text: fmt.Sprintf("%d are connected, %d of them are user %d's: one user may have %d of the %d places, and all users but the service's own %d",
			len(d.conns), d.perUser[s.uid], s.uid, share(d.limits.clients), d.limits.clients, d.limits.clients-ownersShare(d.limits.clients))}
	}
	if d.hungUp || d.full(s.uid, d.limits.clients, d.limits.observers) || !d.removeUnauthenticated(s) {
		return welcome // closed by admit: there is no place, or it was evicted a moment ago
	}
	d.conns[s] = struct{}{}
	d.perUser[s.uid]++
	if welcome.Code == wire.WelcomeOK {
		s.user = true
		d.users++
	} else {
		s.leaving = true // nobody else knows s yet
	}
	return welcome
}

// full reports whether a user can have no more of the places for clients and, on
// top, of those for observers. Another user than the daemon's own has a share of
// both, and all others together leave some to the daemon's own. d.mu is held.
func (d *Daemon) full(uid, clients, observers int) bool {
	if uid == d.owner {
		return len(d.conns) >= clients+observers
	}
	return len(d.conns) >= clients+observers ||
		d.perUser[uid] >= share(clients)+share(observers) ||
		len(d.conns)-d.perUser[d.owner] >= clients+observers-ownersShare(clients)-ownersShare(observers)
}

// share is how many of so many places one user other than the daemon's may have.
func share(places int) int { return places - places/4 }

// ownersShare is how many of so many places only the daemon's own user may have.
func ownersShare(places int) int { return places / 16 }

// knows reports whether a connection is past the handshake.
func (d *Daemon) knows(s *serverConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.conns[s]
	return ok
}

// setUser notes whether a connection is a user of the object, or only observes.
func (d *Daemon) setUser(s *serverConn, user bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case user && !s.user:
		d.users++
	case !user && s.user:
		d.users--
	}
	s.user = user
	d.rearm(false)
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

// dismiss forgets a connection, admitted or not.
func (d *Daemon) dismiss(s *serverConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removeUnauthenticated(s)
	if _, ok := d.conns[s]; ok {
		delete(d.conns, s)
		if d.perUser[s.uid]--; d.perUser[s.uid] == 0 {
			delete(d.perUser, s.uid)
		}
	}
	if s.user {
		s.user = false
		d.users--
		d.rearm(true)
	}
}

// turnAway refuses a user whom the service does not admit. The connection takes no
// place, and nothing is read from it.
func (d *Daemon) turnAway(conn net.Conn, p Peer) {
	conn.SetDeadline(time.Now().Add(d.limits.handshake))
	wire.Refuse(conn, p.Refused) // a peer that does not take it has closed the connection
	conn.Close()
	d.RefusedUser(p.Refused)
}

// RefusedUser logs a refused user, with refused's restraint.
func (d *Daemon) RefusedUser(because string) {
	d.mu.Lock()
	suppressed, ok := d.refusals.note(time.Now())
	d.mu.Unlock()
	if ok {
		d.log.Warn("refused a connection", "because", because, "unlogged", suppressed)
	}
}

// refused logs a connection that was not admitted, but not every one: a
// scanner must not fill the log.
func (d *Daemon) refused(from any, err error) {
	d.mu.Lock()
	suppressed, ok := d.refusals.note(time.Now())
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

func (r *refusals) note(now time.Time) (suppressed int, ok bool) {
	if now.Sub(r.last) < time.Second {
		r.suppressed++
		return 0, false
	}
	suppressed = r.suppressed
	r.last, r.suppressed = now, 0
	return suppressed, true
}

// SetIdentity says which daemon this is. It must be called before a connection is
// served, and again when the daemon listens elsewhere. It may be called concurrently.
func (d *Daemon) SetIdentity(id Identity) { d.identity.Store(&id) }

// Departing returns a channel that is closed when the daemon begins to leave.
func (d *Daemon) Departing() <-chan struct{} { return d.departing }

// Reason says why the daemon leaves; it is empty while it does not.
func (d *Daemon) Reason() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.leaving
}

// Stop ends the context of the object: cause is why. It is for a daemon that never
// serves.
func (d *Daemon) Stop(cause error) { d.stop(cause) }
