package daemon

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/internal/stats"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// Daemon hosts one object: it admits connections, runs their calls in turn, and decides
// when to shut down. It knows neither files nor processes; package host has those.
type Daemon struct {
	svc     *stub.Service
	methods []stub.Method // of svc, as calls use them: see labelled
	options Options
	parts   []stub.Part // sessions first, if the service has any
	object  any
	idleTTL time.Duration
	limits  limits
	log     *slog.Logger
	turn    turn
	started time.Time
	owner   int // the user of this process

	fast         []atomic.Bool // by method: its last call took at most maxInlineTime
	checks       bool          // LOOPGEN_CHECK=1, and the service allows it
	inlineRunner inlineRunner
	answered     sync.Pool // of *servedCall, for reuse

	// identity is set before the first connection. It is replaced as a whole when the
	// daemon listens at another address.
	identity atomic.Pointer[Identity]

	// ctx is the context of the constructor and the parent of every call's context.
	// It lives as long as the object; stop cancels it.
	ctx  context.Context
	stop context.CancelCauseFunc

	shuttingDown chan struct{} // closed when shutdownReason is set
	stats        *stats.Table  // counts the calls

	// mu guards the fields below. Admission and the decision to shut down are made
	// under it: a daemon that keeps running admits a connection, or the connection
	// sees a daemon that is shutting down.
	mu              sync.Mutex
	conns           map[*serverConn]struct{} // past the handshake
	perUser         map[int]int              // number of conns by user id
	clients         int                      // conns that count against idleness; the other conns are observers
	unauthenticated []*serverConn            // before the end of the handshake, oldest first
	running         int                      // calls accepted and not yet answered
	orphans         orphans                  // the running calls whose callers are gone
	callsEnded      *sync.Cond               // broadcast when running is 0, or all running calls are expired orphans
	idle            *time.Timer              // runs while the object is not in use
	idleAt          time.Time                // when the idle time ends
	shutdownReason  string                   // why the daemon shuts down; empty: it does not
	now             bool                     // it does not wait for running calls: they are canceled
	nowSet          chan struct{}            // closed when now is set
	nowAt           time.Time                // when now was set
	step            string                   // the step of the shutdown after the running calls; empty: it waits for calls
	connsClosed     bool                     // CloseConns was called: every new connection is closed
	refusals        refusals
	lastPanic       string
}

// Options are the settings that the process passes to its daemon.
type Options struct {
	IdleTTL       time.Duration // time without clients before shutdown; negative: no limit
	OrphanTimeout time.Duration // for a running call whose caller is gone; negative: no limit; 0: OrphanTimeout
	Log           *slog.Logger

	// Explain adds this program's identity and a remedy to an error of decoding
	// arguments. If it is nil, the error does not change.
	Explain func(error) error
	// Exhausted returns why the process has no more descriptors, and the remedy.
	Exhausted func() string
	// Limits replaces the default limits by its fields that are not zero.
	Limits Limits
	// Inherited returns the process's part of Status: its priority, its resource
	// limits, and the names of its environment variables.
	Inherited func() (nice int, limits map[string]string, env []string)
}

// Limits are the limits that a daemon announces to its clients.
type Limits struct {
	Calls   int // outstanding on a connection
	Bytes   int // of requests outstanding on a connection
	Frame   int // bytes in the body of a frame
	Clients int
}

// Identity identifies a daemon and its listening address.
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

// New returns a daemon without an object. Construct makes the object later, since the
// constructor gets the daemon's context.
func New(svc *stub.Service, o Options) *Daemon {
	d := &Daemon{
		svc:          svc,
		methods:      labelled(svc.Methods),
		options:      o,
		idleTTL:      o.IdleTTL,
		limits:       defaultLimits,
		log:          o.Log,
		shuttingDown: make(chan struct{}),
		nowSet:       make(chan struct{}),
		orphans:      orphans{timeout: cmp.Or(o.OrphanTimeout, OrphanTimeout)},
		conns:        make(map[*serverConn]struct{}),
		perUser:      make(map[int]int),
		owner:        os.Geteuid(),
		checks:       svc.Check && os.Getenv("LOOPGEN_CHECK") == "1",
	}
	d.limits.calls = cmp.Or(o.Limits.Calls, d.limits.calls)
	d.limits.bytes = cmp.Or(o.Limits.Bytes, d.limits.bytes)
	d.limits.frame = cmp.Or(o.Limits.Frame, d.limits.frame)
	d.limits.clients = cmp.Or(o.Limits.Clients, d.limits.clients)
	d.parts = d.makeParts()
	d.stats = newTable(svc)
	d.fast = make([]atomic.Bool, len(svc.Methods))
	d.callsEnded = sync.NewCond(&d.mu)
	d.ctx, d.stop = context.WithCancelCause(context.Background())
	return d
}

// SetIdentity sets the daemon's identity. It must be called before a connection is
// served, and again when the daemon listens at another address. It may be called
// concurrently.
func (d *Daemon) SetIdentity(id Identity) { d.identity.Store(&id) }

// ShuttingDown returns a channel that BeginShutdown closes.
func (d *Daemon) ShuttingDown() <-chan struct{} { return d.shuttingDown }

// Reason returns why the daemon shuts down. It is empty before the shutdown.
func (d *Daemon) Reason() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shutdownReason
}

// Stop cancels the object's context with cause. It is for a daemon that never serves.
func (d *Daemon) Stop(cause error) { d.stop(cause) }
