package rt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/loopgen/loopgen/rt/internal/control"
	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
)

// launcher finds or starts the daemon of one singleton. A processLauncher and a
// systemLauncher use a directory, a localLauncher uses this process.
type launcher interface {
	// endpoint returns the endpoint of the daemon, or rundir.ErrAbsent. It may return
	// the endpoint of another singleton: client.find compares its identity.
	endpoint() (*rundir.Endpoint, error)
	identity() identity
	// dial connects to an endpoint and checks that the peer has the right user.
	dial(ctx context.Context, e *rundir.Endpoint) (net.Conn, error)
	// tryStartLock tries to acquire the start lock. Only its holder may start a daemon.
	tryStartLock() (release func(), ok bool, err error)
	// alive reports whether a daemon lives, serving or not. The caller holds the
	// start lock.
	alive() (bool, error)
	// start starts a daemon and waits until it serves, or until ctx or
	// Config.StartTimeout ends. The caller holds the start lock.
	start(ctx context.Context) error
	// lastFailure returns the number of failed starts and the error of the last one.
	// The number is the greatest uint64 if it is not known. The error is nil if it
	// says nothing about a start by this client.
	lastFailure() (failures uint64, failure error)
	// mayStart returns an error if this process cannot start a daemon.
	mayStart() error
	// mayReplace returns an error if the daemon must not be replaced now. replaced
	// records a replacement. The caller of either holds the start lock.
	mayReplace() error
	replaced()
	// checkClient returns an error if this process cannot be a client here.
	checkClient() error
}

// errStarting: a daemon holds the daemon lock but cannot be reached yet, or no longer.
var errStarting = errors.New("a daemon is starting or leaving")

// errInitialising: the initialization of the service's package is not complete.
var errInitialising = errors.New("used before the package's initialisation has ended: connect in main or later")

// reach returns a link to the running daemon. If none runs, this process or another one
// starts it.
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
	r.restartTimeout()
	defer func() { r.cancel() }()
	for r.pause = firstPause; ; r.pause = min(2*r.pause, longestPause) {
		l, next, err := r.step()
		switch {
		case next == stop:
			return l, err
		case next == pauseFirst && !sock.Pause(r.ctx, r.pause):
			return nil, c.waitError(r.ctx, err)
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

	knownFailures uint64 // failed starts that this client has taken note of
	started       bool   // this client has started a daemon
	last          error  // why the last attach failed; nil before the first
	notReplaced   error  // why an outdated daemon was not replaced; nil: there was none
}

// next is how reaching continues after a step.
type next uint8

const (
	stop       next = iota // with the link or the error
	lookAgain              // at once
	pauseFirst             // or fail with the error if the time is over
)

// restartTimeout lets the search end StartTimeout from now.
func (r *reaching) restartTimeout() {
	r.cancel()
	r.ctx, r.cancel = r.client.startContext(r.open)
}

// step tries once to attach, and starts a daemon if this client holds the start lock and
// none lives.
func (r *reaching) step() (*link, next, error) {
	c := r.client
	l, err := c.attach(r.ctx, r.launcher, r.notReplaced)
	if err == nil || !transient(err) {
		return l, stop, err
	}
	switch {
	case r.last == nil: // not earlier: a client that finds a daemon at once need not ask
		r.knownFailures, _ = r.launcher.lastFailure()
	case r.ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		<-r.ctx.Done() // the deadline has passed, so this does not block for long
		return nil, stop, c.waitError(r.ctx, r.last)
	}
	r.last = err
	c.setLast(err)
	release, holds, err := r.launcher.tryStartLock()
	if err != nil {
		return nil, stop, c.directoryError(err)
	}
	if holds {
		defer release()
	}
	// After tryStartLock: the last holder recorded its failure before it released the lock.
	if n, failure := r.launcher.lastFailure(); n > r.knownFailures {
		if failure != nil {
			return nil, stop, failure
		}
		r.knownFailures, r.pause = n, firstPause // another program's failure: this client's start may succeed
	}
	if !holds {
		return nil, pauseFirst, r.last
	}
	next, err := r.start()
	return nil, next, err
}

// start starts a daemon, or decides whether to wait for the living one. The caller holds
// the start lock.
func (r *reaching) start() (next, error) {
	err := r.client.startOrWait(r.open, r.launcher, r.last)
	notReplaced, ok := err.(*notReplacedError) // not errors.As: it would call methods of a constructor's error
	switch {
	case ok:
		r.notReplaced = notReplaced
		return lookAgain, nil
	case err != nil && !transient(err):
		return stop, err
	case err != nil:
		return pauseFirst, err
	case r.started:
		return pauseFirst, r.last // the daemon exited as soon as it served
	}
	r.started = true
	r.restartTimeout() // the replacement and the start may have used it up
	return lookAgain, nil
}

// mayStart returns an error if this process cannot start a daemon or be its client.
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

// startContext returns a context that ends after StartTimeout.
func (c *client) startContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.cfg.StartTimeout,
		fmt.Errorf("no daemon within %v (Config.StartTimeout): %w", c.cfg.StartTimeout, context.DeadlineExceeded))
}

// startOrWait starts a daemon if none lives, or if the living one is outdated and has been
// replaced. It returns nil when the new daemon serves. err is why attach failed.
func (c *client) startOrWait(ctx context.Context, p launcher, err error) error {
	alive, aerr := p.alive()
	if aerr != nil {
		return c.directoryError(aerr)
	}
	var outdated *outdatedError
	switch {
	case alive && errors.As(err, &outdated):
		if err := c.replace(ctx, p, outdated); err != nil {
			return c.liveError(p, err)
		}
	case alive:
		return c.liveError(p, err)
	}
	if ctx.Err() != nil {
		return err // closed meanwhile
	}
	c.cfg.Logger.Debug("starting a daemon", "name", cut.Name(c.cfg.Name), "because", err)
	c.setLast(errStarting) // no longer that an earlier daemon drains
	return p.start(ctx)
}

// liveError returns the error of an attach that failed with err while a daemon lives. The
// error is transient if the client should wait for that daemon.
func (c *client) liveError(p launcher, err error) error {
	var silent *control.SilentError
	var hidden *control.HiddenError
	var foreign *foreignError
	var tried *rundir.Endpoint
	switch {
	case errors.As(err, &foreign):
		return c.foreignOrWait(foreign)
	case errors.Is(err, rundir.ErrAbsent):
		return errStarting
	case errors.As(err, &hidden):
		tried = hidden.Endpoint
	case errors.As(err, &silent):
		tried = silent.Endpoint
	default:
		return err
	}
	// Another daemon may have started meanwhile, or the daemon may have repaired its
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

// transient reports whether an attach that failed with err may succeed after a start, or
// after a wait for one.
func transient(err error) bool {
	var start *StartError
	return !errors.As(err, &start)
}

// A client that waits for a daemon pauses between two attempts, each time twice as long.
// So hundreds of clients leave processor time to the daemon and to the client that
// starts it.
const (
	firstPause   = 4 * time.Millisecond
	longestPause = 128 * time.Millisecond
)

// waitError returns the error of a client whose ctx ended while it waited for a daemon.
// last is the last daemon state seen.
func (c *client) waitError(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ErrClosed) {
		return c.startError(StageConnect, ErrClosed)
	}
	err := waitedFor(c.explainAbsent(last), cause)
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
	case errors.As(last, &outdated): // the holder of the start lock replaces it
		last = fmt.Errorf("%w: %w", last, ErrDraining)
	case errors.Is(last, rundir.ErrAbsent):
		last = errStarting // this process or another starts one
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

// explainAbsent returns an error that says why a living daemon has no endpoint, or err if
// the directory does not show the reason. The daemon retries as long as it lives.
func (c *client) explainAbsent(err error) error {
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
