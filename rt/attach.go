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

// attach connects to the daemon that the endpoint names. An error that is not a
// *StartError is transient. If notReplaced is not nil, the client attaches to an outdated
// daemon too, and notReplaced is why that was not replaced.
func (c *client) attach(ctx context.Context, p launcher, notReplaced error) (*link, error) {
	e, err := c.find(p)
	if err != nil {
		var version *rundir.VersionError
		if errors.As(err, &version) {
			return nil, c.startError(StageConnect, fmt.Errorf("%w: %w", ErrIncompatible, err))
		}
		return nil, err
	}
	if rebuilt := c.replacesRebuilt(p, e); notReplaced == nil && (rebuilt || c.replacesVersion(e)) {
		return nil, &outdatedError{e, rebuilt} // without greeting it: a connection keeps the daemon from being idle
	}
	conn, reader, welcome, err := c.greet(ctx, p, e)
	if err != nil {
		return nil, err
	}
	// Compare only after the greeting: an endpoint without a daemon proves nothing. A
	// daemon of another protocol version may hash differently. A draining daemon will be
	// replaced by one of this client.
	switch welcome.Code {
	case wire.WelcomeIncompatible, wire.WelcomeNotAllowed, wire.WelcomeDraining:
	default:
		err = c.checkObject(e, notReplaced)
	}
	if welcome.Code != wire.WelcomeDraining {
		c.reportRebuilt(p, e, notReplaced)
	}
	if err == nil {
		err = c.welcomeError(welcome)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	acceptBuild(p)
	c.followLog(e.Log)
	return c.newLink(conn, reader, e, welcome, notReplaced), nil
}

// greet dials the endpoint and authenticates both sides. The welcome may say that the
// daemon takes no calls, because it drains or has too many clients. Such a daemon still
// answers Status and Shutdown.
func (c *client) greet(ctx context.Context, p launcher, e *rundir.Endpoint) (net.Conn, *wire.Reader, wire.Welcome, error) {
	deadline := time.Now().Add(c.cfg.ConnectTimeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	silent := func() error {
		if time.Now().Before(deadline) {
			return context.DeadlineExceeded // the caller's context has ended, not ConnectTimeout
		}
		return &silentError{e}
	}
	conn, err := p.dial(ctx, e)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) { // net may time out just before ctx does
			err = silent()
		}
		return nil, nil, wire.Welcome{}, hiddenOr(e, err)
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
	case c.cfg.Scope == ScopeSystem && errors.As(err, &unproven): // the kernel has named the directory's owner: see systemLauncher.dial
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
		return nil, nil, wire.Welcome{}, hiddenOr(e, err)
	}
	conn.SetDeadline(time.Time{})
	return conn, reader, welcome, nil
}

// welcomeError returns an error if the daemon does not take calls of this client.
func (c *client) welcomeError(w wire.Welcome) error {
	switch w.Code {
	case wire.WelcomeOK:
		return nil
	case wire.WelcomeDraining:
		return drainingError(w) // transient: another daemon may serve soon
	case wire.WelcomeTooManyClients:
		return c.startError(StageConnect, fmt.Errorf("%w: %s", ErrTooManyClients, w.Text))
	case wire.WelcomeIncompatible:
		return c.startError(StageConnect, fmt.Errorf("%w: %s; wait until it has left, or end its process", ErrIncompatible, w.Text))
	case wire.WelcomeNotAllowed:
		return c.startError(StageConnect, fmt.Errorf("%w: %s", ErrNotAllowed, w.Text))
	}
	return c.startError(StageConnect, &wire.RefusedError{Welcome: w})
}

// drainingError returns ErrDraining with the reason why the daemon has not exited yet.
func drainingError(w wire.Welcome) error {
	if w.Text == "" {
		return ErrDraining
	}
	return fmt.Errorf("%w: %s", ErrDraining, w.Text)
}

// checkObject returns an error if the daemon of an endpoint has an object of another type
// or configuration.
func (c *client) checkObject(e *rundir.Endpoint, notReplaced error) error {
	var err error
	switch {
	case e.Types != start.Structure(c.svc):
		err = newSignatureError("", start.Structure(c.svc), e.Types, e.PID, c.replacing())
	case e.Config != c.config:
		err = c.mismatch(e)
	default:
		return nil
	}
	return c.startError(StageConnect, c.withNotReplaced(err, e, notReplaced))
}

// replacing returns instructions to get a daemon with another version of the type.
func (c *client) replacing() string { return start.Replacing(string(c.cfg.Scope), c.cfg.Name) }

// newLink returns a link with the daemon's number for each method of this program.
func (c *client) newLink(conn net.Conn, reader *wire.Reader, e *rundir.Endpoint, welcome wire.Welcome, notReplaced error) *link {
	l := &link{
		conn:        conn,
		in:          reader,
		quota:       quota.New(welcome.Calls, int(welcome.Bytes)),
		incarnation: e.Incarnation,
		pid:         e.PID,
		log:         e.Log,
		methods:     c.bind(e, notReplaced),
		limit:       welcome.Frame,
		peerClosed:  sock.PeerClosed(conn),
		forget:      c.forget,
		ended:       make(chan struct{}),
		noReader:    make(chan struct{}, 1),
		pending:     make(map[uint64]*pendingCall),
	}
	l.out = sock.NewWriteQueue(conn, 0, l.writeFailed)
	reader.Stalled, reader.Resumed = l.stalled, l.resumed
	return l
}

// bind matches methods by name and signature, so that two builds can share a daemon for
// the methods that are equal in both.
func (c *client) bind(e *rundir.Endpoint, notReplaced error) []binding {
	theirs := make(map[string]rundir.MethodLine, len(e.Methods))
	for _, m := range e.Methods {
		theirs[m.Name] = m
	}
	missing := missingTypes(e)
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
			if len(missing[m.Number]) == 0 || ours.Mode == stub.Shared || ours.Idempotent {
				continue
			}
			bindings[i].err = &missingTypesError{ours.Name, e.PID, missing[m.Number]}
		}
		bindings[i].err = c.withNotReplaced(bindings[i].err, e, notReplaced)
	}
	return bindings
}

// dialIn connects to the daemon of an endpoint that was read from dir.
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

// hiddenError says that this process cannot reach the address of an endpoint because the
// daemon is in another namespace.
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

// hiddenOr returns err, why greeting the daemon of e failed. It wraps err in a *hiddenError
// if the port of e is in another network namespace: here any process may listen on it.
func hiddenOr(e *rundir.Endpoint, err error) error {
	if e.Network == "tcp" && e.Elsewhere() {
		return &hiddenError{e, err}
	}
	return err
}

// sameAddress reports whether two endpoints name one listener of one daemon.
func sameAddress(a, b *rundir.Endpoint) bool {
	return a.Incarnation == b.Incarnation && a.Network == b.Network && a.Address == b.Address && a.Key == b.Key
}
