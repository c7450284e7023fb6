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
	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// client is a Shared without its type parameters. All handles of the Shared use one
// client, on any goroutine.
type client struct {
	cfg     Config
	svc     *stub.Service
	args    []byte             // the constructor's arguments, encoded
	config  string             // hash of service, constructor and arguments
	parts   []value.ConfigPart // of the arguments, to name differences from the daemon's
	paths   relativePaths      // arguments that may be relative paths
	invalid error              // why no call can succeed: bad arguments or configuration

	hello        wire.Hello               // sent to every daemon
	findLauncher func() (launcher, error) // chooseLauncher, except in tests

	freeCalls sync.Pool // of *pendingCall whose memory can be used again

	workingDir workingDir              // for ScopeProject
	baseDir    atomic.Pointer[baseDir] // of the scope, once found

	mu          sync.Mutex
	link        *link    // nil: not connected
	attempt     *attempt // to connect, in progress; nil: none
	closed      bool
	incarnation string // of the object used last
	foreign     sighting
	follows     string // path of the log that followLog copies; empty: none
}

// attempt is one attempt to connect. All callers that need a connection wait for it. It
// continues when the context of one of them ends.
type attempt struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when link and err are set
	link   *link
	err    error
	last   error // the last daemon state seen, for a caller whose context ends; guarded by client.mu
}

// maxArguments is the largest encoding of a constructor's arguments, in bytes.
const maxArguments = 16 << 20

func newClient(cfg Config, svc *stub.Service, args func(*stub.Encoder)) *client {
	c := &client{cfg: cfg.withDefaults(svc.Name), svc: svc}
	c.hello = wire.Hello{Session: helloID(), PID: os.Getpid()}
	c.findLauncher = c.chooseLauncher
	c.workingDir.note(c.cfg.Scope)
	var configuration value.Configuration
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

// connect returns the link, and connects if there is none. The error is a *StartError,
// which may wrap the context's error, or ErrClosed.
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
		return nil, c.startError(StageConnect, waitedFor(a.last, ctx.Err()))
	}
}

// setLast sets the last daemon state that the attempt has seen.
func (c *client) setLast(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempt.last = err
}

// run carries out an attempt.
func (c *client) run(ctx context.Context, a *attempt) {
	defer a.cancel(nil)
	l, err := c.reach(ctx)
	if err == nil {
		c.setLast(nil) // a daemon serves
		err = c.checkRestart(l)
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

// checkRestart calls OnRestart if the object is not the one used last. It returns an
// error if OnRestart does.
func (c *client) checkRestart(l *link) error {
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

// forget drops a link that takes no more calls.
func (c *client) forget(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == l {
		c.link = nil
	}
}

// closeTimeout is how long close waits for a canceled attempt, and for the copy of the
// log. An attempt ends at once unless it runs user code in this process.
const closeTimeout = time.Second

// close ends the connection, or the attempt to connect. It waits for the attempt, which
// may be about to create the singleton's directory.
func (c *client) close() {
	a, logCopied := c.beginClose()
	if a != nil {
		waitAtMost(a.done, closeTimeout) // OnRestart or, with LOOPGEN_MODE=inprocess, the constructor may take longer
	}
	if logCopied != nil {
		waitAtMost(logCopied, closeTimeout) // takes longer if standard error is a pipe that nobody reads
	}
}

// waitAtMost waits until done is closed or the limit has passed.
func waitAtMost(done <-chan struct{}, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// beginClose is close without waiting. It returns the canceled attempt, if any. The channel,
// if not nil, is closed when the log has been copied: see followLog.
func (c *client) beginClose() (a *attempt, logCopied <-chan struct{}) {
	c.mu.Lock()
	c.closed = true
	l := c.link
	a, c.link = c.attempt, nil
	if c.follows != "" {
		logCopied = releaseFollower(c.follows)
		c.follows = ""
	}
	c.mu.Unlock()
	if a != nil {
		a.cancel(ErrClosed)
	}
	if l != nil {
		l.close(ErrClosed)
	}
	return a, logCopied
}

// begin begins a call of the method with that name.
func (c *client) begin(method string) (*pendingCall, error) {
	number, ok := c.svc.Number(method)
	switch {
	case !ok:
		return nil, c.callError(method, OutcomeNotSent, "", fmt.Errorf("%w in the table of this program: run go generate again", ErrNoMethod))
	case c.invalid != nil:
		return nil, c.callError(method, OutcomeNotSent, "", c.invalid)
	}
	p := c.newCall()
	p.number, p.method = number, &c.svc.Methods[number]
	p.args.For(p.method)
	return p, nil
}

// Send sends the request and waits for the reply. Every error is a *CallError.
func (p *pendingCall) Send(ctx context.Context) (*stub.Decoder, error) {
	c, m := p.client, p.method
	if limit := cmp.Or(m.Timeout, c.cfg.CallTimeout); limit > 0 {
		if _, ok := ctx.Deadline(); !ok {
			timed, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			ctx = timed
		}
	}
	var err error
	if p.request, err = p.args.Finish(); err != nil {
		return nil, c.callError(m.Name, OutcomeNotSent, "", encodeError("argument", err))
	}
	var retryUntil time.Time // zero until a try has failed
	maybeExecuted := false   // an earlier try may have been executed
	failed := func(fail failure, incarnation string) error {
		if maybeExecuted && fail.outcome != OutcomeExecuted {
			fail.outcome = OutcomeUnknown
		}
		return c.callError(m.Name, fail.outcome, incarnation, fail.err)
	}
	for try := p; ; try = try.clone() {
		if err := ctx.Err(); err != nil {
			return nil, failed(failure{OutcomeNotSent, err, false}, "")
		}
		l, err := c.connect(ctx)
		if err != nil {
			return nil, failed(failure{OutcomeNotSent, err, false}, "")
		}
		reply, fail := l.call(ctx, p.number, try)
		if fail.err == nil {
			p.link, p.answered = l, try
			p.results.Reset(c.svc, reply) // End returns its error
			return &p.results, nil
		}
		retry := fail.retry
		if m.Idempotent && fail.daemonDied() {
			retry, maybeExecuted = true, true
		}
		if retryUntil.IsZero() {
			retryUntil = time.Now().Add(c.cfg.StartTimeout)
		}
		if !retry || time.Now().After(retryUntil) {
			return nil, failed(fail, l.incarnation)
		}
	}
}

// End decodes the method's error, if it returns one. If the reply cannot be decoded, the
// call has failed for its caller. Then the client sends an abandon frame, and the daemon
// releases what the call acquired.
func (p *pendingCall) End() error {
	c, l := p.client, p.link
	var methodErr error
	if c.svc.Fails(p.number) {
		methodErr = p.results.Error()
	}
	if err := p.results.End(); err != nil {
		if p.method.End != "" {
			l.abandon(p.answered.id)
		}
		if !errors.Is(err, stub.ErrOverlap) {
			err = fmt.Errorf("decode the results of the daemon (pid %d): %w", l.pid, c.explainUnknownType(decodeError("result", err)))
		}
		methodErr = c.callError(p.method.Name, OutcomeExecuted, l.incarnation, err)
	}
	c.release(p.answered)
	return methodErr
}

func (c *client) callError(method string, outcome Outcome, incarnation string, err error) error {
	return &CallError{
		Method:      c.svc.Name + "." + method,
		Outcome:     outcome,
		Incarnation: incarnation,
		Err:         err,
		onFault:     c.cfg.OnFault,
	}
}

// encodeError makes an encoder's error an ErrEncode or ErrTooLarge, with the number of
// the argument or result.
func encodeError(what string, err error) error {
	kind := ErrEncode
	if errors.Is(err, stub.ErrTooLarge) {
		kind = ErrTooLarge
	}
	var encoding *stub.EncodeError
	if errors.As(err, &encoding) {
		err = fmt.Errorf("%s %d: %w", what, encoding.Index+1, encoding.Err)
	}
	return kindError{kind, err}
}

// decodeError adds to a decoder's error the number of the argument or result.
func decodeError(what string, err error) error {
	var decoding *stub.DecodeError
	if errors.As(err, &decoding) && decoding.Index >= 0 {
		return fmt.Errorf("%s %d: %w", what, decoding.Index+1, decoding.Err)
	}
	return err
}
