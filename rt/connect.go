package rt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
)

// launcher is where the daemon of one singleton is found, or started: a directory
// (see processLauncher) or this process itself (see localLauncher).
type launcher interface {
	// endpoint says how to reach the daemon; rundir.ErrAbsent if nothing does. It
	// may be another singleton's: client.find judges it by identity.
	endpoint() (*rundir.Endpoint, error)
	identity() identity
	// dial connects to an endpoint, and makes sure that the peer is this user's.
	dial(ctx context.Context, e *rundir.Endpoint) (net.Conn, error)
	// tryStartLock tries to become the only one who may start a daemon here.
	tryStartLock() (release func(), ok bool, err error)
	// alive reports whether a daemon lives, serving or not. Only the leader asks.
	alive() (bool, error)
	// start starts a daemon and waits until it serves, or until ctx or
	// Config.StartTimeout ends. Only the leader starts.
	start(ctx context.Context) error
	// lastFailure returns how many starts have failed, the greatest number if that
	// cannot be found out, and why the last of them did, or nil if it says nothing of one
	// that this client would make.
	lastFailure() (failures uint64, failure error)
	// mayStart says why this process cannot start a daemon, if it cannot.
	mayStart() error
	// mayReplace says why the daemon must not be made to leave for another one
	// just now, if so; replaced notes that it was. Only the leader asks and notes.
	mayReplace() error
	replaced()
	// checkClient says why this process cannot be a client here, if it cannot.
	checkClient() error
}

// errStarting: a daemon holds the lifetime lock but cannot be reached yet, or
// any more.
var errStarting = errors.New("a daemon is starting or leaving")

// errInitialising: the service's own package is not complete yet.
var errInitialising = errors.New("used before the package's initialisation has ended: connect in main or later")

// reach returns a link to the daemon: to the one that runs, or else to one that
// it starts, or that another process starts meanwhile.
func (c *client) reach(ctx context.Context) (*link, error) {
	p, err := c.findLauncher()
	if err != nil {
		return nil, err
	}
	if err := p.checkClient(); err != nil {
		return nil, c.startError(StageConnect, err)
	}
	if c.svc.New == nil {
		return nil, c.startError(StageConnect, errInitialising)
	}
	c.warnOfPaths(p)
	r := &reaching{client: c, launcher: p, open: ctx, cancel: func() {}}
	r.restartClock()
	defer func() { r.cancel() }()
	for r.pause = firstPause; ; r.pause = min(2*r.pause, longestPause) {
		l, next, err := r.step()
		switch {
		case next == stop:
			return l, err
		case next == pauseFirst && !sock.Pause(r.ctx, r.pause):
			return nil, c.givenUp(r.ctx, err)
		}
	}
}

// reaching is the search for a daemon. Each step tries to attach to one and, under the
// start lock, starts one or waits for it.
//
// Only the holder of the start lock starts a daemon, and only when nobody holds the
// daemon lock. A client without the start lock looks again, and shares a failure that
// the holder has recorded.
type reaching struct {
	client   *client
	launcher launcher
	open     context.Context // ends when the Shared is closed
	ctx      context.Context // open, bounded by StartTimeout
	cancel   context.CancelFunc
	pause    time.Duration

	noted   uint64 // failed starts that are no news
	started bool   // this client has started a daemon
	last    error  // why the last attempt to attach failed; nil: it is the first
	kept    error  // why a daemon of an older version was not replaced; nil: none was met
}

// next says what follows a step of reaching.
type next uint8

const (
	stop       next = iota // with the link or the error
	lookAgain              // at once
	pauseFirst             // unless the time is over: the error is why then
)

// restartClock gives the search StartTimeout from now on.
func (r *reaching) restartClock() {
	r.cancel()
	r.ctx, r.cancel = r.client.startContext(r.open)
}

// step looks for a daemon once.
func (r *reaching) step() (*link, next, error) {
	c := r.client
	l, err := c.attach(r.ctx, r.launcher, r.kept)
	if err == nil || !transient(err) {
		return l, stop, err
	}
	switch {
	case r.last == nil: // a client that finds a daemon at once need not ask
		r.noted, _ = r.launcher.lastFailure()
	case r.ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		<-r.ctx.Done() // at once, if not yet
		return nil, stop, c.givenUp(r.ctx, r.last)
	}
	r.last = err
	c.see(err)
	release, holds, err := r.launcher.tryStartLock()
	if err != nil {
		return nil, stop, c.directoryError(err)
	}
	if holds {
		defer release()
	}
	// Only now: the last holder of the lock recorded its failure before it released it.
	if n, failure := r.launcher.lastFailure(); n > r.noted {
		if failure != nil {
			return nil, stop, failure
		}
		r.noted, r.pause = n, firstPause // a failure of another program: this client may have more luck
	}
	if !holds {
		return nil, pauseFirst, r.last
	}
	next, err := r.start()
	return nil, next, err
}

// start starts a daemon, or finds out whether to wait for one. This client holds the
// start lock.
func (r *reaching) start() (next, error) {
	err := r.client.startOrWait(r.open, r.launcher, r.last)
	kept, isKept := err.(*notReplacedError) // not errors.As: it would ask a constructor's error
	switch {
	case isKept:
		r.kept = kept
		return lookAgain, nil
	case err != nil && !transient(err):
		return stop, err
	case err != nil:
		return pauseFirst, err
	case r.started:
		return pauseFirst, r.last // the daemon exited as soon as it served
	}
	r.started = true
	r.restartClock() // however long it took to replace one and start another
	return lookAgain, nil
}

// mayStart returns why this process cannot start a daemon, nor be its client.
func (c *client) mayStart() error {
	if c.invalid != nil {
		return c.invalid
	}
	if c.isClosed() {
		return ErrClosed
	}
	p, err := c.findLauncher()
	if err == nil {
		if err = p.checkClient(); err != nil {
			err = c.startError(StageConnect, err)
		} else if err = p.mayStart(); err != nil {
			err = c.startError(StageSpawn, err)
		}
	}
	return err
}

// startContext bounds the time until a daemon is there.
func (c *client) startContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.cfg.StartTimeout,
		fmt.Errorf("no daemon within %v (Config.StartTimeout): %w", c.cfg.StartTimeout, context.DeadlineExceeded))
}

// startOrWait starts a daemon, unless one lives that is not to be replaced: err is why
// no daemon could be attached to. It returns nil when a daemon serves.
func (c *client) startOrWait(ctx context.Context, p launcher, err error) error {
	alive, aerr := p.alive()
	if aerr != nil {
		return c.directoryError(aerr)
	}
	var outdated *outdatedError
	switch {
	case alive && errors.As(err, &outdated):
		if err := c.replace(ctx, p, outdated); err != nil {
			return c.waitFor(p, err)
		}
	case alive:
		return c.waitFor(p, err)
	}
	if ctx.Err() != nil {
		return err // closed meanwhile
	}
	c.cfg.Logger.Debug("starting a daemon", "name", cut.Name(c.cfg.Name), "because", err)
	c.see(errStarting) // the one that was leaving has left
	return p.start(ctx)
}

// waitFor says whether it is worth waiting for a daemon that lives and to which
// an attempt to attach failed with err: a transient error says so.
func (c *client) waitFor(p launcher, err error) error {
	var silent *silentError
	var hidden *hiddenError
	var foreign *foreignError
	var tried *rundir.Endpoint
	switch {
	case errors.As(err, &foreign):
		return c.refuse(foreign)
	case errors.Is(err, rundir.ErrAbsent):
		return errStarting
	case errors.As(err, &hidden):
		tried = hidden.endpoint
	case errors.As(err, &silent):
		tried = silent.endpoint
	default:
		return err
	}
	// Another daemon may have come meanwhile, or the daemon may have repaired its
	// endpoint.
	if e, rerr := p.endpoint(); rerr != nil || !sameAddress(e, tried) {
		return err
	}
	if hidden != nil {
		return c.startError(StageConnect, fmt.Errorf("%w: %w", ErrUnreachable, hidden))
	}
	return c.startError(StageConnect, fmt.Errorf("%w: process %d holds the lock but did not greet within %v (Config.ConnectTimeout): it may be stopped (kill -CONT %[2]d) or overloaded",
		ErrUnresponsive, tried.PID, c.cfg.ConnectTimeout))
}

// silentError is a daemon, or whoever listens at its address, that did not greet
// in time.
type silentError struct{ endpoint *rundir.Endpoint }

func (e *silentError) Error() string { return fmt.Sprintf("process %d did not greet", e.endpoint.PID) }

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

// givenUp says why the waiting ended, and what was seen last.
func (c *client) givenUp(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ErrClosed) {
		return c.startError(StageConnect, ErrClosed)
	}
	err := waitedFor(c.unpublished(last), cause)
	if !errors.Is(err, ErrDraining) && !errors.Is(err, ErrAuth) {
		err = fmt.Errorf("%w: %w", ErrUnresponsive, err)
	}
	return c.startError(StageConnect, err)
}

// waitedFor wraps cause with the last daemon state seen; last is nil if nothing was
// seen.
func waitedFor(last, cause error) error {
	var outdated *outdatedError
	switch {
	case last == nil:
		return cause
	case errors.As(last, &outdated): // whoever leads replaces it
		last = fmt.Errorf("%w: %w", last, ErrDraining)
	case errors.Is(last, rundir.ErrAbsent):
		last = errStarting // by this process or another
	}
	if errors.Is(last, ErrDraining) {
		return fmt.Errorf("%w; Status shows what it waits for, Shutdown with ShutdownNow ends it within about a second: %w", last, cause)
	}
	return fmt.Errorf("%w: %w", last, cause)
}

func (c *client) directoryError(err error) error {
	if errors.Is(err, rundir.ErrUnsafe) {
		err = kindError{ErrUnsafeDir, err}
	}
	return c.startError(StageDirectory, err)
}

// unpublished returns why a living daemon has no endpoint, or err if the directory
// does not show it. The daemon tries again as long as it lives.
func (c *client) unpublished(err error) error {
	if !errors.Is(err, rundir.ErrAbsent) && !errors.Is(err, errStarting) {
		return err
	}
	p, perr := c.findLauncher()
	at, ok := p.(*processLauncher)
	if perr != nil || !ok {
		return err
	}
	if werr := at.dir.CanWrite(); werr != nil {
		return fmt.Errorf("a daemon that lives has no endpoint in %s, and no file can be written there: %w; make room, the daemon tries again each second",
			at.dir.Path(), werr)
	}
	return err
}
