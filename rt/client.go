package rt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// client is a Shared without its type parameters: what all its handles, on
// all goroutines, have in common.
type client struct {
	cfg     Config
	svc     *stub.Service
	args    []byte            // the constructor's arguments, encoded
	config  string            // hash of service, constructor and arguments
	parts   []stub.ConfigPart // of the arguments, to say in what others differ
	paths   relativePaths     // that the arguments may be
	invalid error             // why no call can succeed: bad arguments or configuration

	hello        wire.Hello               // what it says of itself to any daemon
	findLauncher func() (launcher, error) // for what the environment and cfg name

	replied sync.Pool // of *pendingCall, to be used again

	workplace workplace            // what ScopeProject is about
	site      atomic.Pointer[site] // what the scope stands for, once that was found

	mu          sync.Mutex
	link        *link    // nil: not connected
	attempt     *attempt // under way; nil: none
	closed      bool
	incarnation string // of the object that was used last
	foreign     sighting
	follows     string // the path of the log that followLog copies; empty: none
}

// attempt is one try to connect. It belongs to no caller: a caller whose
// context ends leaves it to the others.
type attempt struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when link and err are set
	link   *link
	err    error
	seen   error // what it waits for, for callers who leave earlier; guarded by client.mu
}

// maxArguments is the largest encoding of a constructor's arguments, in bytes.
const maxArguments = 16 << 20

func newClient(cfg Config, svc *stub.Service, args func(*stub.Encoder)) *client {
	c := &client{cfg: cfg.withDefaults(svc.Name), svc: svc}
	c.hello = wire.Hello{Session: session(), PID: os.Getpid()}
	c.findLauncher = c.chooseLauncher
	c.workplace.note(c.cfg.Scope)
	var configuration stub.Configuration
	c.args, configuration, c.invalid = stub.EncodeArguments(svc, maxArguments, args)
	c.parts = configuration.Parts
	c.paths.texts, c.paths.logged = configuration.Texts, cfg.Logger != nil
	if err := svc.Refusal(); err != nil {
		c.invalid = c.startError(StageConnect, err)
		return c
	}
	if err := c.cfg.check(); err != nil {
		c.invalid = c.startError(StageDirectory, err)
		return c
	}
	if c.invalid != nil {
		c.invalid = c.startError(StageConstructor, encodeError("argument", c.invalid))
		return c
	}
	if c.config, c.invalid = wire.ConfigHash(svc.Name, svc.Constructor, configuration.Bytes); c.invalid != nil {
		c.invalid = c.startError(StageConstructor, c.invalid)
	}
	return c
}

func (c *client) startError(stage Stage, err error) *StartError {
	return &StartError{Service: c.svc.Name, Name: c.cfg.Name, Stage: stage, Err: err}
}

// connect returns the link, making it if there is none. The error is a
// *StartError, or wraps the context's error.
func (c *client) connect(ctx context.Context) (*link, error) {
	c.mu.Lock()
	switch {
	case c.closed:
		c.mu.Unlock()
		return nil, ErrClosed
	case c.link != nil:
		defer c.mu.Unlock()
		return c.link, nil
	}
	a := c.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		background, cancel := context.WithCancelCause(context.Background())
		a.cancel = cancel
		c.attempt = a
		go c.run(background, a) // ends within StartTimeout, or when the Shared is closed
	}
	c.mu.Unlock()
	select {
	case <-a.done:
		return a.link, a.err
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		return nil, c.startError(StageConnect, waitedFor(a.seen, ctx.Err()))
	}
}

// see notes what the attempt waits for.
func (c *client) see(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempt.seen = err
}

// run carries out an attempt.
func (c *client) run(ctx context.Context, a *attempt) {
	defer a.cancel(nil)
	l, err := c.reach(ctx)
	if err == nil {
		c.see(nil) // it is there
		err = c.accept(l)
	}
	c.mu.Lock()
	c.attempt = nil
	if err == nil && c.closed {
		err = ErrClosed
	}
	if err == nil {
		a.link, c.link = l, l
		c.incarnation = l.incarnation
		go l.watch() // ends with the connection
	}
	a.err = err
	close(a.done)
	c.mu.Unlock()
	if err != nil && l != nil {
		l.close(err)
	}
}

// accept asks OnRestart about an object that is not the one used last.
func (c *client) accept(l *link) error {
	c.mu.Lock()
	old := c.incarnation
	c.mu.Unlock()
	if old == "" || old == l.incarnation || c.cfg.OnRestart == nil {
		return nil
	}
	err, fail := usercode.Run(func() error { return c.cfg.OnRestart(old, l.incarnation) })
	if p, ok := fail.(*usercode.Panic); ok {
		value := cmp.Or(p.Value, "runtime.Goexit was called")
		err := fmt.Errorf("OnRestart %w", &PanicError{Value: value, Stack: p.Stack})
		return c.startError(StageConnect, err)
	}
	if err != nil {
		return c.startError(StageConnect, fmt.Errorf("OnRestart refused the new object: %w", err))
	}
	return nil
}

// current returns the link in use, or nil.
func (c *client) current() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link
}

// isClosed reports whether the Shared was closed.
func (c *client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// forget drops a link on which no more calls can be made.
func (c *client) forget(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == l {
		c.link = nil
	}
}

// attemptEnd is how long an attempt that was canceled may take to end: no time
// at all, unless it runs code of the user's in this process.
const attemptEnd = time.Second

// close ends the connection and every attempt to make one, and waits for the
// latter: it may be about to make the singleton's directory.
func (c *client) close() {
	a, copied := c.abandon()
	if a != nil {
		waitAtMost(a.done, attemptEnd) // longer in OnRestart or, with LOOPGEN_MODE=inprocess, in the constructor
	}
	if copied != nil {
		waitAtMost(copied, attemptEnd) // longer if standard error is a pipe that nobody reads
	}
}

// waitAtMost waits until done is closed, or for the limit.
func waitAtMost(done <-chan struct{}, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// abandon is close without waiting. It returns the attempt that is to end, and what is
// closed when the log has been copied, see followLog; nil for none.
func (c *client) abandon() (a *attempt, copied <-chan struct{}) {
	c.mu.Lock()
	c.closed = true
	l := c.link
	a, c.link = c.attempt, nil
	if c.follows != "" {
		copied = releaseFollower(c.follows)
		c.follows = ""
	}
	c.mu.Unlock()
	if a != nil {
		a.cancel(ErrClosed)
	}
	if l != nil {
		l.close(ErrClosed)
	}
	return a, copied
}

// call is the client's end of the data path: encode, send, wait, decode. It
// returns the method's own error bare, everything else as a *CallError.
func (c *client) call(ctx context.Context, method int, args func(*stub.Encoder), results func(*stub.Decoder)) error {
	if c.invalid != nil {
		return c.callError(method, OutcomeNotSent, "", c.invalid)
	}
	m := &c.svc.Methods[method]
	if limit := cmp.Or(m.Timeout, c.cfg.CallTimeout); limit > 0 {
		if _, ok := ctx.Deadline(); !ok {
			timed, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			ctx = timed
		}
	}
	p := c.newCall()
	if args != nil {
		args(&p.args)
	}
	var err error
	if p.request, err = p.args.Finish(); err != nil {
		return c.callError(method, OutcomeNotSent, "", encodeError("argument", err))
	}
	var giveUp time.Time // zero until a try has failed
	lost := false        // a try may have been executed, whatever became of later ones
	failed := func(fail failure, incarnation string) error {
		if lost && fail.outcome != OutcomeExecuted {
			fail.outcome = OutcomeUnknown
		}
		return c.callError(method, fail.outcome, incarnation, fail.err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return failed(failure{OutcomeNotSent, err, false}, "")
		}
		l, err := c.connect(ctx)
		if err != nil {
			return failed(failure{OutcomeNotSent, err, false}, "")
		}
		reply, fail := l.call(ctx, method, p)
		if fail.err == nil {
			err := c.results(method, l, p, reply, results)
			c.release(p)
			return err
		}
		again := fail.again
		if m.Idempotent && fail.orphaned() {
			again, lost = true, true
		}
		if giveUp.IsZero() {
			giveUp = time.Now().Add(c.cfg.StartTimeout)
		}
		if !again || time.Now().After(giveUp) {
			return failed(fail, l.incarnation)
		}
		p = p.again()
	}
}

// results decodes a reply: the results and, where the method has one, its error. A
// reply that cannot be decoded is a call that failed for its caller, and the daemon
// is told so: it gives back what the call acquired.
func (c *client) results(method int, l *link, p *pendingCall, reply []byte, results func(*stub.Decoder)) error {
	decoded := false
	if c.svc.Methods[method].End != "" {
		id := p.id
		defer func() {
			if !decoded { // user code that decodes may panic
				l.abandon(id)
			}
		}()
	}
	d := &p.results
	if err := d.Reset(c.svc, reply); err != nil {
		return c.callError(method, OutcomeExecuted, l.incarnation, err)
	}
	if results != nil {
		results(d)
	}
	var own error
	if c.svc.Fails(method) {
		own = d.Error()
	}
	if err := d.End(); err != nil {
		return c.callError(method, OutcomeExecuted, l.incarnation, fmt.Errorf("decode the results of the daemon (pid %d): %w", l.pid, c.unknownHere(decodeError("result", err))))
	}
	decoded = true
	return own
}

func (c *client) callError(method int, outcome Outcome, incarnation string, err error) error {
	return &CallError{
		Method:      c.svc.Name + "." + c.svc.Methods[method].Name,
		Outcome:     outcome,
		Incarnation: incarnation,
		Err:         err,
	}
}

// encodeError makes an encoder's error ErrEncode, or ErrTooLarge.
func encodeError(what string, err error) error {
	kind := ErrEncode
	if errors.Is(err, stub.ErrTooLarge) {
		kind = ErrTooLarge
	}
	var place *stub.EncodeError
	if errors.As(err, &place) {
		err = fmt.Errorf("%s %d: %w", what, place.Index+1, place.Err)
	}
	return kindError{kind, err}
}

// decodeError says where in a decoder's message the fault is as encodeError does.
func decodeError(what string, err error) error {
	var place *stub.DecodeError
	if errors.As(err, &place) && place.Index >= 0 {
		return fmt.Errorf("%s %d: %w", what, place.Index+1, place.Err)
	}
	return err
}
