package rt

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

// place is where the daemon of one singleton is found, or started: a directory
// (see onDisk) or this process itself (see inProcess).
type place interface {
	// endpoint says how to reach the daemon; rundir.ErrAbsent if nothing does.
	endpoint() (*rundir.Endpoint, error)
	// dial connects to an endpoint, and makes sure that the peer is this user's.
	dial(ctx context.Context, e *rundir.Endpoint) (net.Conn, error)
	// lead tries to become the only one who may start a daemon here.
	lead() (release func(), ok bool, err error)
	// alive reports whether a daemon lives, serving or not. Only the leader asks.
	alive() (bool, error)
	// start starts a daemon and waits until it serves. Only the leader starts.
	start(ctx context.Context) error
	// lastStart returns the number of the last start and, if it failed, why.
	lastStart() (sequence uint64, failure error)
	// mayStart says why this process cannot start a daemon, if it cannot.
	mayStart() error
	// mayReplace says why the daemon must not be made to leave for another one
	// just now, if so; replaced notes that it was. Only the leader asks and notes.
	mayReplace() error
	replaced()
	// barred says why this process cannot be a client here, if it cannot.
	barred() error
}

// errStarting: a daemon holds the lifetime lock but cannot be reached yet, or
// any more.
var errStarting = errors.New("a daemon is starting or leaving")

// errInitialising: the service's own package is not complete yet.
var errInitialising = errors.New("used before the package's initialisation has ended: connect in main or later")

// reach returns a link to the daemon: to the one that runs, or else to one that
// it starts, or that another process starts meanwhile.
//
// Only whoever leads starts a daemon, and only when nobody holds the lifetime
// lock. Whoever does not lead looks again, and shares the leader's failure.
func (c *client) reach(ctx context.Context) (*link, error) {
	p, err := c.place()
	if err != nil {
		return nil, err
	}
	if err := p.barred(); err != nil {
		return nil, c.startError(StageConnect, err)
	}
	if c.svc.New == nil {
		return nil, c.startError(StageConnect, errInitialising)
	}
	forever := ctx // until the Shared is closed
	ctx, cancel := c.patience(ctx)
	defer cancel()
	noted, _ := p.lastStart()
	started := false // a daemon, by us
	var last error   // that was not for lack of time
	var kept error   // why a daemon of an older version was not replaced; nil: none was met
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		l, err := c.attach(ctx, p, kept)
		if err == nil || !transient(err) {
			return l, err
		}
		if last != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
			<-ctx.Done() // at once, if not yet
			return nil, c.givenUp(ctx, last)
		}
		last = err
		release, leads, lerr := p.lead()
		if lerr != nil {
			return nil, c.directoryError(lerr)
		}
		// Only now: the one who led before left word of its start first.
		if n, failure := p.lastStart(); n != noted {
			if failure != nil {
				if leads {
					release()
				}
				return nil, failure
			}
			noted, wait = n, firstPause // a daemon came and went: the next may be as short-lived
		}
		if leads {
			err = c.startOrWait(forever, p, err)
			release()
			var spared *keptError
			if errors.As(err, &spared) {
				kept = spared
				continue
			}
			if err != nil && !transient(err) {
				return nil, err
			}
			noted, _ = p.lastStart()
			if err == nil {
				if !started {
					started = true
					ctx, cancel = c.patience(forever) // however long it took to replace one and start another
					defer cancel()
					continue // it serves
				}
				err = last // the one before died as soon as it served
			}
		}
		if !pause(ctx, wait) {
			return nil, c.givenUp(ctx, err)
		}
	}
}

// mayStart returns why this process cannot start a daemon, nor be its client.
func (c *client) mayStart() error {
	if c.invalid != nil {
		return c.invalid
	}
	p, err := c.place()
	if err == nil {
		if err = p.barred(); err != nil {
			err = c.startError(StageConnect, err)
		} else if err = p.mayStart(); err != nil {
			err = c.startError(StageSpawn, err)
		}
	}
	return err
}

// patience bounds the time until a daemon is there.
func (c *client) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.cfg.StartTimeout,
		fmt.Errorf("no daemon within %v (Config.StartTimeout): %w", c.cfg.StartTimeout, context.DeadlineExceeded))
}

// startOrWait is what the leader does when it could not attach because of err:
// it starts a daemon, unless one lives that is not to be replaced. It returns nil
// when a daemon now serves.
func (c *client) startOrWait(ctx context.Context, p place, err error) error {
	alive, aerr := p.alive()
	if aerr != nil {
		return c.directoryError(aerr)
	}
	var outdated *outdatedError
	switch {
	case alive && errors.As(err, &outdated):
		if err := c.replace(ctx, p, outdated.endpoint); err != nil {
			return c.waitFor(p, err)
		}
	case alive:
		return c.waitFor(p, err)
	}
	if ctx.Err() != nil {
		return err // closed meanwhile
	}
	c.cfg.Logger.Debug("starting a daemon", "name", c.cfg.Name, "because", err)
	ctx, cancel := c.patience(ctx)
	defer cancel()
	return p.start(ctx)
}

// waitFor says whether it is worth waiting for a daemon that lives and to which
// an attempt to attach failed with err: a transient error says so.
func (c *client) waitFor(p place, err error) error {
	var silent *silentError
	switch {
	case errors.Is(err, rundir.ErrAbsent):
		return errStarting
	case !errors.As(err, &silent):
		return err
	}
	// Another one than the one that was silent may have come meanwhile.
	if e, rerr := p.endpoint(); rerr != nil || e.Incarnation != silent.incarnation {
		return err
	}
	return c.startError(StageConnect, fmt.Errorf("%w: process %d holds the lock but did not greet within %v (Config.ConnectTimeout): it may be stopped (kill -CONT %[2]d) or overloaded",
		ErrUnresponsive, silent.pid, c.cfg.ConnectTimeout))
}

// silentError is a daemon, or whoever listens at its address, that did not greet
// in time.
type silentError struct {
	incarnation string
	pid         int
}

func (e *silentError) Error() string { return fmt.Sprintf("process %d did not greet", e.pid) }

// transient reports whether an attempt to attach failed in a way that a start,
// or waiting for one, may mend.
func transient(err error) bool {
	var start *StartError
	return !errors.As(err, &start)
}

// How long a client waits between two looks at a daemon that is not there yet:
// twice as long each time, so that hundreds of clients leave the one that
// starts the daemon, and the daemon, time to run.
const (
	firstPause   = 4 * time.Millisecond
	longestPause = 128 * time.Millisecond
)

// pause waits about so long before the next look; not exactly, so that the many
// do not look at once. It reports whether the context goes on.
func pause(ctx context.Context, about time.Duration) bool {
	t := time.NewTimer(about/2 + rand.N(about))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// givenUp says why the waiting ended, and what was seen last.
func (c *client) givenUp(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ErrClosed) {
		return c.startError(StageConnect, ErrClosed)
	}
	var outdated *outdatedError
	if errors.As(last, &outdated) { // whoever leads replaces it
		last = fmt.Errorf("%w: %w", last, ErrDraining)
	}
	switch {
	case errors.Is(last, ErrDraining):
		return c.startError(StageConnect, fmt.Errorf("%w and waits for calls that run: Status shows them, Shutdown with ShutdownNow ends it: %w", last, cause))
	case errors.Is(last, ErrAuth):
		return c.startError(StageConnect, fmt.Errorf("%w: %w", last, cause))
	}
	return c.startError(StageConnect, fmt.Errorf("%w: %w: %w", ErrUnresponsive, last, cause))
}

func (c *client) directoryError(err error) error {
	if errors.Is(err, rundir.ErrUnsafe) {
		err = kindError{ErrUnsafeDir, err}
	}
	return c.startError(StageDirectory, err)
}

// attach connects to the daemon that the endpoint names. An error that is not
// a *StartError is transient. kept, if not nil, is why a daemon of an older version
// has to do.
func (c *client) attach(ctx context.Context, p place, kept error) (*link, error) {
	e, err := p.endpoint()
	if err != nil {
		var version *rundir.VersionError
		if errors.As(err, &version) {
			return nil, c.startError(StageConnect, fmt.Errorf("%w: %w", ErrIncompatible, err))
		}
		return nil, err
	}
	if kept == nil && c.outdates(e) {
		return nil, &outdatedError{e} // not even greeted: who is connected keeps it from being idle
	}
	conn, reader, welcome, err := c.greet(ctx, p, e)
	if err != nil {
		return nil, err
	}
	// Only now, since an endpoint that nobody stands behind judges nothing; nor
	// does one of another version, which may hash otherwise.
	if welcome.Code != wire.WelcomeIncompatible && welcome.Code != wire.WelcomeNotAllowed {
		err = c.judge(e, kept)
	}
	if err == nil {
		err = c.welcome(welcome)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c.newLink(conn, reader, e, welcome, kept), nil
}

// greet dials the endpoint and authenticates both sides. The welcome may say
// that no calls are taken: Status and Shutdown are answered all the same by a
// daemon that is leaving or full.
func (c *client) greet(ctx context.Context, p place, e *rundir.Endpoint) (net.Conn, *wire.Reader, wire.Welcome, error) {
	deadline := time.Now().Add(c.cfg.ConnectTimeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	silent := func() error {
		if time.Now().Before(deadline) {
			return context.DeadlineExceeded // it was the caller who had no more time
		}
		return &silentError{e.Incarnation, e.PID}
	}
	conn, err := p.dial(ctx, e)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) { // net may know a moment before ctx does
			err = silent()
		}
		return nil, nil, wire.Welcome{}, err
	}
	conn.SetDeadline(deadline)
	uninterrupted := context.AfterFunc(ctx, func() { conn.Close() })
	reader := wire.NewReader(conn, defaultLimits.frame)
	hello := c.hello
	hello.Incarnation, hello.Address = e.Incarnation, e.Address
	welcome, err := wire.Greet(reader, conn, e.Key, hello)
	var refused *wire.RefusedError
	switch {
	case !uninterrupted():
		err = silent()
	case errors.As(err, &refused):
		welcome, err = refused.Welcome, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = silent()
	case errors.Is(err, wire.ErrAuth):
		err = kindError{ErrAuth, err}
	}
	if err != nil {
		conn.Close()
		return nil, nil, wire.Welcome{}, err
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
		return ErrDraining // transient: another one may be had
	case wire.WelcomeTooManyClients:
		return c.startError(StageConnect, fmt.Errorf("%w: %s", ErrTooManyClients, w.Text))
	case wire.WelcomeIncompatible:
		return c.startError(StageConnect, fmt.Errorf("%w: %s; wait until it has left, or end its process", ErrIncompatible, w.Text))
	case wire.WelcomeNotAllowed:
		return c.startError(StageConnect, fmt.Errorf("%w: %s", ErrNotAllowed, w.Text))
	}
	return c.startError(StageConnect, &wire.RefusedError{Welcome: w})
}

// judge says whether the daemon behind an endpoint is the one that is meant.
func (c *client) judge(e *rundir.Endpoint, kept error) error {
	var err error
	switch {
	case e.Service != c.svc.Name:
		err = fmt.Errorf("%w: the daemon named %q (pid %d) serves %s: choose another Config.Name",
			ErrIncompatible, c.cfg.Name, e.PID, e.Service)
	case e.Types != structure(c.svc):
		changes, unlike := schema.CompareTypes("type argument", e.Types, structure(c.svc))
		err = fmt.Errorf("%w: the type arguments are %s here and %s in the daemon (pid %d)%s; %s",
			ErrIncompatible, structure(c.svc), e.Types, e.PID, firstOf(changes, unlike), c.replacing())
	case e.Config != c.config:
		err = fmt.Errorf("%w (pid %d): use the same constructor and arguments, or another Config.Name, or shut it down first",
			ErrConfigMismatch, e.PID)
	default:
		return nil
	}
	return c.startError(StageConnect, c.unreplaced(err, e, kept))
}

// replacing says how to get a daemon of another version of the type.
func (c *client) replacing() string {
	if c.cfg.Scope == ScopeSystem {
		return "whoever runs the service builds it from the same source and starts it again (as in: systemctl restart " + c.cfg.Name + ")"
	}
	return "Shared.Restart replaces it by one of this program"
}

// newLink makes the link and finds the daemon's number for each of our methods.
func (c *client) newLink(conn net.Conn, reader *wire.Reader, e *rundir.Endpoint, welcome wire.Welcome, kept error) *link {
	l := &link{
		conn:        conn,
		reader:      reader,
		window:      newWindow(welcome.Calls, int(welcome.Bytes)),
		incarnation: e.Incarnation,
		pid:         e.PID,
		log:         e.Log,
		methods:     c.bind(e, kept),
		limit:       welcome.Frame,
		verdict:     defaultLimits.verdict,
		linger:      defaultLimits.linger,
		hungUp:      hangUp(conn),
		lost:        c.forget,
		pending:     make(map[uint64]*pendingCall),
	}
	l.out = newOutbox(conn, 0, l.unwritable)
	watchFrames(conn, reader)
	return l
}

// bind matches methods by name and signature, so that two builds can share a
// daemon as far as they agree.
func (c *client) bind(e *rundir.Endpoint, kept error) []binding {
	theirs := make(map[string]rundir.MethodLine, len(e.Methods))
	for _, m := range e.Methods {
		theirs[m.Name] = m
	}
	bindings := make([]binding, len(c.svc.Methods))
	for i, ours := range c.svc.Methods {
		m, ok := theirs[ours.Name]
		signature := c.svc.Signature(i)
		switch {
		case !ok:
			bindings[i].err = fmt.Errorf("%w: %w: the daemon (pid %d) has no %s; %s",
				ErrIncompatible, ErrNoMethod, e.PID, ours.Name, c.replacing())
		case m.Hash != wire.SignatureHash(signature):
			changes, err := schema.Compare(m.Signature, signature)
			bindings[i].err = fmt.Errorf("%w: %s is %s here and %s in the daemon (pid %d)%s; %s",
				ErrIncompatible, ours.Name, signature, m.Signature, e.PID, firstOf(changes, err), c.replacing())
		default:
			bindings[i].number = uint16(m.Number)
			continue
		}
		bindings[i].err = c.unreplaced(bindings[i].err, e, kept)
	}
	return bindings
}

// firstOf says where two signatures part, if they could be compared: the
// endpoint may have no room for the text, and a newer daemon another grammar.
func firstOf(changes []schema.Change, err error) string {
	if err != nil || len(changes) == 0 {
		return ""
	}
	return ": " + changes[0].Between("there", "here")
}

// watchFrames closes a connection on which a frame began to arrive and does
// not end. A connection without an unfinished frame may be silent for ever.
func watchFrames(conn net.Conn, reader *wire.Reader) {
	lim := &defaultLimits
	reader.Stalled = func(size int) {
		conn.SetReadDeadline(time.Now().Add(lim.frameBase + time.Duration(size>>20)*lim.framePerMiB))
	}
	reader.Resumed = func() { conn.SetReadDeadline(time.Time{}) }
}
