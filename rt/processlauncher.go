package rt

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// session names this process in the daemon's log, across its connections.
var session = sync.OnceValue(func() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
})

// chooseLauncher returns the place that the environment and the configuration name.
func (c *client) chooseLauncher() (launcher, error) {
	switch mode := rundir.Getenv("LOOPGEN_MODE"); mode {
	case "":
	case "inprocess":
		return newLocalLauncher(c)
	default:
		return nil, c.startError(StageDirectory, fmt.Errorf("LOOPGEN_MODE is %q: unset it, or set it to inprocess", mode))
	}
	if dev := rundir.Getenv("LOOPGEN_DEV"); dev != "" && dev != "1" {
		return nil, c.startError(StageDirectory, fmt.Errorf("LOOPGEN_DEV is %q: unset it, or set it to 1", dev))
	}
	if log := rundir.Getenv("LOOPGEN_LOG"); log != "" && log != "stderr" {
		return nil, c.startError(StageDirectory, fmt.Errorf("LOOPGEN_LOG is %q: unset it, or set it to stderr", log))
	}
	if c.cfg.Scope == ScopeSystem {
		return c.systemLauncher()
	}
	at, err := c.base()
	if err != nil {
		return nil, c.directoryError(err)
	}
	name := c.cfg.Name
	if c.cfg.OnMismatch == MismatchPerBuild {
		build, err := c.cfg.build()
		if err != nil {
			return nil, c.startError(StageSpawn, err)
		}
		name = build + "\x00" + name
	}
	dir, err := rundir.Open(at.base, name)
	if err != nil {
		return nil, c.directoryError(err)
	}
	return &processLauncher{client: c, site: at, name: name, dir: dir}, nil
}

// processLauncher finds the daemon by the files of its directory and starts it as a
// process.
type processLauncher struct {
	client *client
	site   site
	name   string // of the directory: the singleton's, or one for each build of it
	dir    *rundir.Dir
}

func (p *processLauncher) endpoint() (*rundir.Endpoint, error) { return p.dir.ReadEndpoint() }

func (p *processLauncher) identity() identity { return identity{p.site.scope, p.dir.Path()} }

func (p *processLauncher) alive() (bool, error) { return p.dir.Alive() }

func (p *processLauncher) tryStartLock() (func(), bool, error) { return p.dir.TrySpawnLock() }

// checkClient keeps the daemon from waiting for itself, and a program that cannot
// become the daemon from working only as long as another one happens to be it:
// one without the hook, or whose daemon would not have the instance yet.
func (p *processLauncher) checkClient() error {
	if own := self.Serving.Load(); own != nil && rundir.SamePath(own.Path, p.dir.Path()) {
		return ErrReentrant
	}
	elsewhere := len(p.client.cfg.Command) > 0 // is the hook, and the instance
	if !self.Hooked.Load() && !self.ServesInInit.Load() {
		if parent, _ := process.Inherited(); parent != nil {
			// A child that was meant to serve and runs main instead ends as if
			// its deadman had noticed, which tells the parent why.
			fmt.Fprintln(os.Stderr, "loopgen:", hookMissing())
			os.Exit(process.ExitUnclaimed)
		}
	}
	if !elsewhere {
		if err := noHook(p.client.svc); err != nil {
			return err
		}
	}
	if !elsewhere && p.client.svc.Late() {
		return fmt.Errorf("%s was made after rt.ServeIfDaemon was called, too late for a daemon to know it: declare it in a package-level var", cut.Name(p.client.svc.Name))
	}
	return nil
}

func (p *processLauncher) dial(ctx context.Context, e *rundir.Endpoint) (net.Conn, error) {
	conn, err := dialIn(ctx, p.dir, e)
	if err != nil {
		return nil, err
	}
	if _, err := sock.SameUser(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return conn, nil
}

func (p *processLauncher) lastFailure() (uint64, error) {
	s, err := p.dir.ReadStart()
	if err != nil {
		return math.MaxUint64, nil // what is read later may have been there before
	}
	if s.Failures == 0 {
		return 0, nil
	}
	program, err := p.client.cfg.program()
	if err != nil {
		return s.Failures, nil // not found: nobody else's failure is ours
	}
	return s.Failures, p.client.startFailure(s.Failure, program)
}

func (p *processLauncher) mayStart() error {
	if self.Starting.Load() {
		return fmt.Errorf("%w: until it serves it starts no other daemon either: connect in a method, not in the constructor", ErrReentrant)
	}
	_, err := p.client.cfg.program()
	return err
}

func (p *processLauncher) mayReplace() error {
	s, err := p.dir.ReadStart()
	if err != nil {
		return err
	}
	return tooSoon(s.Replaced)
}

func (p *processLauncher) replaced() {
	s, err := p.dir.ReadStart()
	if err == nil {
		s.Replaced = time.Now()
		err = p.dir.WriteStart(s)
	}
	if err != nil {
		p.client.cfg.Logger.Warn("cannot record that a daemon was replaced", "err", err) // another one may be, too soon
	}
}

// start starts the daemon and waits for its report. Why it failed is left in the
// start file, for those who wait; that it did not, the endpoint tells them.
//
// A signal that ends the daemon before it reports says nothing about the
// constructor, so start then starts another daemon, once. The clients that wait
// learn only of the second failure: this process holds spawn.lock meanwhile, so
// that however many wait there are two attempts.
func (p *processLauncher) start(ctx context.Context) error {
	c := p.client
	if err := p.mayStart(); err != nil {
		return c.startError(StageSpawn, err)
	}
	report, first, err := p.spawn(ctx)
	if err == nil && first != nil && ctx.Err() == nil {
		c.cfg.Logger.Debug("starting a daemon again", "name", cut.Name(c.cfg.Name), "because", first)
		var second *process.ExitError
		if report, second, err = p.spawn(ctx); err == nil && second != nil {
			report.Err = start.EncodeCause(nil, killedTwice(first, second))
		}
	}
	if err != nil {
		return c.startError(StageSpawn, err)
	}
	if report.Held || report.Incarnation != "" {
		return nil
	}
	report.Config = c.config
	if report.Late {
		return c.startFailure(start.Encode(report), string(report.Program)) // not recorded: others may have more patience
	}
	s, _ := p.dir.ReadStart()
	s.Failures++
	s.Failure = start.Encode(report)
	if err := p.dir.WriteStart(s); err != nil {
		c.cfg.Logger.Warn("cannot record why a start failed", "err", err) // those who wait try themselves
	}
	return c.startFailure(s.Failure, string(report.Program))
}

// spawn starts the child process and returns what it reports, or what is said
// in its place when it ends or is late: after StartTimeout. killed is not nil if a
// signal ended the child before it reported. An error is one of starting it.
func (p *processLauncher) spawn(ctx context.Context) (report start.Report, killed *process.ExitError, err error) {
	ctx, cancel := p.client.startContext(ctx)
	defer cancel()
	cfg := &p.client.cfg
	program, err := cfg.program()
	if err != nil {
		return start.Report{}, nil, err
	}
	path := p.dir.LogPath()
	payload, err := wire.Marshal(p.request(program, path))
	if err != nil {
		return start.Report{}, nil, err
	}
	log, err := rundir.OpenLog(path)
	if err != nil {
		return start.Report{}, nil, err
	}
	defer log.Close()
	before, err := log.Stat()
	if err != nil {
		return start.Report{}, nil, err
	}
	p.client.followLog(path) // from what this daemon writes on
	child, err := process.Start(process.Command{
		Path: program, Args: cfg.arguments(), Env: daemonEnv(cfg.Env), Log: log, Payload: payload,
	})
	if err != nil {
		return start.Report{}, nil, err
	}
	defer child.Release()
	p.dir.Prepare() // while it boots
	b, err := child.Report(ctx)
	if err != nil {
		return p.unreported(ctx, child, err, program, path, before.Size())
	}
	if err := wire.UnmarshalOpen(b, &report); err != nil {
		child.Kill()
		return start.Report{}, nil, fmt.Errorf("decode the daemon's report: %w", err)
	}
	report.Log, report.Program = path, []byte(program)
	return report, nil, nil
}

// request is what the child is told.
func (p *processLauncher) request(program, log string) start.Request {
	c := p.client
	return start.Request{
		Anchor: []byte(p.site.base), Dir: []byte(p.name), Name: []byte(c.cfg.Name), Scope: []byte(p.site.scope), Log: []byte(log),
		Program: []byte(program), Service: c.svc.Name, Constructor: c.svc.Constructor,
		Args: c.args, Config: c.config, Parts: c.parts, Version: c.cfg.Version,
		IdleTTL: c.cfg.IdleTTL, OrphanTimeout: c.cfg.OrphanTimeout, StartTimeout: c.cfg.StartTimeout,
		Transport: string(c.cfg.Transport),
	}
}

// unreported returns what is said in the place of a child that gave no report because of
// err: its program, the path of its log, and the size of that before it wrote there.
func (p *processLauncher) unreported(ctx context.Context, child *process.Child, err error, program, log string, size int64) (start.Report, *process.ExitError, error) {
	if errors.Is(context.Cause(ctx), ErrClosed) {
		// Others may wait for the child: it is left to itself, unless it has not
		// even begun.
		if alive, aerr := p.dir.Alive(); aerr == nil && !alive {
			child.Kill()
		}
		return start.Report{}, nil, ErrClosed
	}
	if errors.Is(err, context.DeadlineExceeded) {
		// This process may have been stopped for so long: the daemon serves others by now.
		if e, eerr := p.dir.ReadEndpoint(); eerr == nil && e.PID == child.PID() {
			return start.Report{Incarnation: e.Incarnation}, nil, nil
		}
	}
	alive, aerr := p.dir.Alive()
	child.Kill() // late; no effect on one that has ended
	report, killed := exitReport(err, program, log, size, p.client.cfg.StartTimeout)
	if program != "" && report.Late && aerr == nil && !alive {
		report.ServeNotCalled = true // it may be any program, of which nothing else tells so
	}
	return report, killed, nil
}
