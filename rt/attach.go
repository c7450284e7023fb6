package rt

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/loopgen/loopgen/rt/internal/control"
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

// greet dials the endpoint and authenticates both sides: see control.Greet.
func (c *client) greet(ctx context.Context, p launcher, e *rundir.Endpoint) (net.Conn, *wire.Reader, wire.Welcome, error) {
	conn, reader, welcome, err := control.Greet(ctx, p.dial, e, c.hello, c.cfg.ConnectTimeout, c.cfg.Scope == ScopeSystem)
	var peer *control.PeerError
	switch {
	case errors.As(err, &peer):
		err = fmt.Errorf("%w: %w", ErrAuth, err)
	case errors.Is(err, wire.ErrAuth):
		err = kindError{ErrAuth, err}
	}
	return conn, reader, welcome, err
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

// sameAddress reports whether two endpoints name one listener of one daemon.
func sameAddress(a, b *rundir.Endpoint) bool {
	return a.Incarnation == b.Incarnation && a.Network == b.Network && a.Address == b.Address && a.Key == b.Key
}
