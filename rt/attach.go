package rt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/quota"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// attach connects to the daemon that the endpoint names. An error that is not
// a *StartError is transient. kept, if not nil, is why a daemon of an older version
// has to do.
func (c *client) attach(ctx context.Context, p launcher, kept error) (*link, error) {
	e, err := c.find(p)
	if err != nil {
		var version *rundir.VersionError
		if errors.As(err, &version) {
			return nil, c.startError(StageConnect, fmt.Errorf("%w: %w", ErrIncompatible, err))
		}
		return nil, err
	}
	if rebuilt := c.replacesRebuilt(p, e); kept == nil && (rebuilt || c.outdates(e)) {
		return nil, &outdatedError{e, rebuilt} // not even greeted: a connection keeps the daemon from being idle
	}
	conn, reader, welcome, err := c.greet(ctx, p, e)
	if err != nil {
		return nil, err
	}
	// Only now, since an endpoint that nobody stands behind judges nothing; nor
	// does one of another version, which may hash otherwise. A daemon that is leaving
	// makes room for one of this client's.
	switch welcome.Code {
	case wire.WelcomeIncompatible, wire.WelcomeNotAllowed, wire.WelcomeDraining:
	default:
		err = c.judge(e, kept)
	}
	if welcome.Code != wire.WelcomeDraining {
		c.announce(p, e, kept)
	}
	if err == nil {
		err = c.welcome(welcome)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	settle(p)
	c.followLog(e.Log)
	return c.newLink(conn, reader, e, welcome, kept), nil
}

// greet dials the endpoint and authenticates both sides. The welcome may say
// that no calls are taken: Status and Shutdown are answered all the same by a
// daemon that is leaving or full.
func (c *client) greet(ctx context.Context, p launcher, e *rundir.Endpoint) (net.Conn, *wire.Reader, wire.Welcome, error) {
	deadline := time.Now().Add(c.cfg.ConnectTimeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	silent := func() error {
		if time.Now().Before(deadline) {
			return context.DeadlineExceeded // it was the caller who had no more time
		}
		return &silentError{e}
	}
	conn, err := p.dial(ctx, e)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) { // net may know a moment before ctx does
			err = silent()
		}
		return nil, nil, wire.Welcome{}, seen(e, err)
	}
	conn.SetDeadline(deadline)
	uninterrupted := context.AfterFunc(ctx, func() { conn.Close() })
	reader := wire.NewReader(sock.Reader(conn), wire.MaxFrame)
	hello := c.hello
	hello.Incarnation, hello.Address = e.Incarnation, wire.AddressText(e.Address)
	welcome, err := wire.Greet(reader, conn, e.Key, hello)
	var refused *wire.RefusedError
	var unproven *wire.UnprovenRefusalError
	switch {
	case !uninterrupted():
		err = silent()
	case c.cfg.Scope == ScopeSystem && errors.As(err, &unproven): // of the directory's owner, by the word of the kernel: see service.dial
		welcome, err = unproven.Welcome, nil
	case errors.As(err, &refused):
		welcome, err = refused.Welcome, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = silent()
	case errors.Is(err, wire.ErrAuth):
		err = kindError{ErrAuth, err}
	}
	if err != nil {
		conn.Close()
		return nil, nil, wire.Welcome{}, seen(e, err)
	}
	conn.SetDeadline(time.Time{})
	return conn, reader, welcome, nil
}

// welcome returns why the daemon does not take calls of this client, if so.
func (c *client) welcome(w wire.Welcome) error {
	switch w.Code {
	case wire.WelcomeOK:
		return nil
	case wire.WelcomeDraining:
		return draining(w) // transient: another one may be had
	case wire.WelcomeTooManyClients:
		return c.startError(StageConnect, fmt.Errorf("%w: %s", ErrTooManyClients, w.Text))
	case wire.WelcomeIncompatible:
		return c.startError(StageConnect, fmt.Errorf("%w: %s; wait until it has left, or end its process", ErrIncompatible, w.Text))
	case wire.WelcomeNotAllowed:
		return c.startError(StageConnect, fmt.Errorf("%w: %s", ErrNotAllowed, w.Text))
	}
	return c.startError(StageConnect, &wire.RefusedError{Welcome: w})
}

// draining returns ErrDraining with the daemon's word of what it waits for.
func draining(w wire.Welcome) error {
	if w.Text == "" {
		return ErrDraining
	}
	return fmt.Errorf("%w: %s", ErrDraining, w.Text)
}

// judge says whether the daemon behind an endpoint has the object that is meant.
func (c *client) judge(e *rundir.Endpoint, kept error) error {
	var err error
	switch {
	case e.Types != start.Structure(c.svc):
		err = newSignatureError("", start.Structure(c.svc), e.Types, e.PID, c.replacing())
	case e.Config != c.config:
		err = c.mismatch(e)
	default:
		return nil
	}
	return c.startError(StageConnect, c.unreplaced(err, e, kept))
}

// replacing says how to get a daemon of another version of the type.
func (c *client) replacing() string { return start.Replacing(string(c.cfg.Scope), c.cfg.Name) }

// newLink makes the link and finds the daemon's number for each of our methods.
func (c *client) newLink(conn net.Conn, reader *wire.Reader, e *rundir.Endpoint, welcome wire.Welcome, kept error) *link {
	l := &link{
		conn:        conn,
		reader:      reader,
		window:      quota.New(welcome.Calls, int(welcome.Bytes)),
		incarnation: e.Incarnation,
		pid:         e.PID,
		log:         e.Log,
		methods:     c.bind(e, kept),
		limit:       welcome.Frame,
		hungUp:      sock.HangUp(conn),
		lost:        c.forget,
		ended:       make(chan struct{}),
		vacant:      make(chan struct{}, 1),
		pending:     make(map[uint64]*pendingCall),
	}
	l.out = sock.NewWriteQueue(conn, 0, l.unwritable)
	reader.Stalled, reader.Resumed = l.stalled, l.resumed
	return l
}

// bind matches methods by name and signature, so that two builds can share a
// daemon as far as they agree.
func (c *client) bind(e *rundir.Endpoint, kept error) []binding {
	theirs := make(map[string]rundir.MethodLine, len(e.Methods))
	for _, m := range e.Methods {
		theirs[m.Name] = m
	}
	lacking := missingTypes(e)
	bindings := make([]binding, len(c.svc.Methods))
	for i, ours := range c.svc.Methods {
		m, ok := theirs[ours.Name]
		signature := c.svc.Signature(i)
		switch {
		case !ok:
			bindings[i].err = fmt.Errorf("%w: %w: the daemon (pid %d) has no %s; %s",
				ErrIncompatible, ErrNoMethod, e.PID, cut.Name(ours.Name), c.replacing())
		case m.Hash != wire.SignatureHash(signature):
			bindings[i].err = newSignatureError(ours.Name, signature, m.Signature, e.PID, c.replacing())
		default:
			bindings[i].number = uint16(m.Number)
			if len(lacking[m.Number]) == 0 || ours.Mode == stub.Shared || ours.Idempotent {
				continue
			}
			bindings[i].err = &lackingError{ours.Name, e.PID, lacking[m.Number]}
		}
		bindings[i].err = c.unreplaced(bindings[i].err, e, kept)
	}
	return bindings
}

// dialIn connects to the daemon of an endpoint that was read in dir.
func dialIn(ctx context.Context, dir *rundir.Dir, e *rundir.Endpoint) (net.Conn, error) {
	address, release, err := dir.SocketOf(e)
	if err != nil {
		return nil, err
	}
	defer release()
	conn, err := sock.Dial(ctx, e.Network, address)
	if err != nil && e.Network == "unix" && !dir.Holds(e) && e.Elsewhere() {
		return nil, &hiddenError{e, err}
	}
	return conn, err
}

// hiddenError says that this process cannot reach the address of an endpoint,
// because it is in another namespace than the daemon.
type hiddenError struct {
	endpoint *rundir.Endpoint
	err      error
}

func (e *hiddenError) Error() string {
	at := e.endpoint
	if at.Network == "tcp" {
		return fmt.Sprintf("process %d listens on %s in the network namespace %s, this process is in %s: %v; start both in one network namespace, use TransportUnix, or choose another Config.Name for this one",
			at.PID, at.Address, at.Net, rundir.NetworkNamespace(), e.err)
	}
	return fmt.Sprintf("process %d listens on %s, whose directory this process, in another mount namespace, does not see: %v; mount that directory here as well, or set LOOPGEN_DIR or ScopeDir, in the daemon's programs too, to a directory that both see",
		at.PID, at.Address, e.err)
}

func (e *hiddenError) Unwrap() error { return e.err }

// seen returns err, why the daemon of e could not be greeted, or a *hiddenError
// around err if the port of e is one of another network namespace, where anything
// may listen on it.
func seen(e *rundir.Endpoint, err error) error {
	if e.Network == "tcp" && e.Elsewhere() {
		return &hiddenError{e, err}
	}
	return err
}

// sameAddress reports whether two endpoints lead to one listener of one daemon.
func sameAddress(a, b *rundir.Endpoint) bool {
	return a.Incarnation == b.Incarnation && a.Network == b.Network && a.Address == b.Address && a.Key == b.Key
}
