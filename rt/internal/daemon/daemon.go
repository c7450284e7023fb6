package daemon

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

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

	fast         []atomic.Bool // whether a method took no longer than maxInlineTime the last time
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
	clients         int                      // those that count against idleness
	unauthenticated []*serverConn            // not yet admitted, the oldest first
	running         int                      // calls accepted and not yet answered
	orphans         orphans                  // those of running that have lost their callers
	callsEnded      *sync.Cond               // signalled when no call, or none that counts, is left
	idle            *time.Timer              // runs while nobody is connected
	idleAt          time.Time                // when the idle time is over
	leaving         string                   // why it leaves; empty: it does not
	now             bool                     // it leaves at once: running calls are canceled
	nowSet          chan struct{}            // closed when now is set
	nowAt           time.Time                // when that was
	step            string                   // what a leaving daemon does once no call runs; empty: it waits for calls
	connsClosed     bool                     // it has left, and the process lives on: no connection stays
	refusals        refusals
	lastConn        uint64 // of connections
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
		nowSet:    make(chan struct{}),
		orphans:   orphans{timeout: cmp.Or(o.OrphanTimeout, OrphanTimeout)},
		conns:     make(map[*serverConn]struct{}),
		perUser:   make(map[int]int),
		owner:     os.Geteuid(),
	}
	d.limits.calls = cmp.Or(o.Limits.Calls, d.limits.calls)
	d.limits.bytes = cmp.Or(o.Limits.Bytes, d.limits.bytes)
	d.limits.frame = cmp.Or(o.Limits.Frame, d.limits.frame)
	d.limits.clients = cmp.Or(o.Limits.Clients, d.limits.clients)
	d.fast = make([]atomic.Bool, len(svc.Methods))
	d.callsEnded = sync.NewCond(&d.mu)
	d.ctx, d.stop = context.WithCancelCause(context.Background())
	return d
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
