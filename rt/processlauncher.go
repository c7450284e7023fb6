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

	"github.com/loopgen/loopgen/rt/internal/control"
	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// helloID names this process in the daemon's log, for all its connections.
var helloID = sync.OnceValue(func() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
})

// chooseLauncher returns the launcher for the environment and the configuration.
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
	base, err := c.base()
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
	dir, err := rundir.Open(base.path, name)
	if err != nil {
		return nil, c.directoryError(err)
	}
	return &processLauncher{client: c, base: base, name: name, dir: dir}, nil
}

// processLauncher finds the daemon by the files in the singleton's directory, and starts
// the daemon as a process.
type processLauncher struct {
	client *client
	base   baseDir
	name   string // hashed for the directory: Config.Name, after the build for MismatchPerBuild
	dir    *rundir.Dir
}

func (p *processLauncher) endpoint() (*rundir.Endpoint, error) { return p.dir.ReadEndpoint() }

func (p *processLauncher) identity() identity { return identity{p.base.scope, p.dir.Path()} }

func (p *processLauncher) alive() (bool, error) { return p.dir.Alive() }

func (p *processLauncher) tryStartLock() (func(), bool, error) { return p.dir.TrySpawnLock() }

// checkClient returns an error in the daemon itself, which would wait for itself. It also
// returns an error in a program that cannot become the daemon: one that does not call
// ServeIfDaemon, or makes the service after the call. Otherwise such a program would work
// only while another program's daemon runs.
func (p *processLauncher) checkClient() error {
	if own := self.Serving.Load(); own != nil && rundir.SamePath(own.Path, p.dir.Path()) {
		return ErrReentrant
	}
	external := len(p.client.cfg.Command) > 0 // another program becomes the daemon
	if !self.ServeCalled.Load() && !self.ServesInInit.Load() {
		if parent, _ := process.Inherited(); parent != nil {
			// This child should serve and runs main instead. It exits with the status
			// of a child that was never claimed, which tells the parent the reason.
			fmt.Fprintln(os.Stderr, "loopgen:", hookMissing())
			os.Exit(process.ExitUnclaimed)
		}
	}
	if !external {
		if err := noHook(p.client.svc); err != nil {
			return err
		}
	}
	if !external && p.client.svc.Late() {
		return fmt.Errorf("%s was made after rt.ServeIfDaemon was called, too late for a daemon to know it: declare it in a package-level var", cut.Name(p.client.svc.Name))
	}
	return nil
}

func (p *processLauncher) dial(ctx context.Context, e *rundir.Endpoint) (net.Conn, error) {
	return control.DialUser(ctx, p.dir, e)
}

func (p *processLauncher) lastFailure() (uint64, error) {
	s, err := p.dir.ReadStart()
	if err != nil {
		return math.MaxUint64, nil // a failure that is read later may be an old one
	}
	if s.Failures == 0 {
		return 0, nil
	}
	program, err := p.client.cfg.program()
	if err != nil {
		return s.Failures, nil // our program is missing: ignore recorded failures
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
		p.client.cfg.Logger.Warn("cannot record that a daemon was replaced", "err", err) // the next replacement may come too soon
	}
}

// start starts the daemon and waits for its report. It records a failure in the start
// file, for the clients that wait. They see a success by the endpoint.
//
// A signal that ends the daemon before it reports says nothing about the constructor. So
// start then starts another daemon, once. Only the second failure is recorded: this
// process holds the start lock for both attempts, so any number of waiting clients make
// no more than two.
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
		return c.startFailure(start.Encode(report), string(report.Program)) // not recorded: another client may have a longer StartTimeout
	}
	s, _ := p.dir.ReadStart()
	s.Failures++
	s.Failure = start.Encode(report)
	if err := p.dir.WriteStart(s); err != nil {
		c.cfg.Logger.Warn("cannot record why a start failed", "err", err) // the clients that wait try a start of their own
	}
	return c.startFailure(s.Failure, string(report.Program))
}

// spawn starts the child process and returns its report. If the child ends or does not
// report within StartTimeout, spawn returns a report in its place. killed is not nil if a
// signal ended the child before it reported. The error is that of starting the child.
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
	p.client.followLog(path) // before the daemon writes to the log
	child, err := process.Start(process.Command{
		Path: program, Args: cfg.arguments(), Env: daemonEnv(cfg.Env), Log: log, Payload: payload,
	})
	if err != nil {
		return start.Report{}, nil, err
	}
	defer child.Release()
	p.dir.Prepare() // while the child starts
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

// request returns the start request for the child.
func (p *processLauncher) request(program, log string) start.Request {
	c := p.client
	return start.Request{
		Anchor: []byte(p.base.path), Dir: []byte(p.name), Name: []byte(c.cfg.Name), Scope: []byte(p.base.scope), Log: []byte(log),
		Program: []byte(program), Service: c.svc.Name, Constructor: c.svc.Constructor,
		Args: c.args, Config: c.config, Parts: c.parts, Version: c.cfg.Version,
		IdleTTL: c.cfg.IdleTTL, OrphanTimeout: c.cfg.OrphanTimeout, StartTimeout: c.cfg.StartTimeout,
		Transport: string(c.cfg.Transport),
	}
}

// unreported returns a report in place of a child that gave none because of err. log is
// the path of the child's log, and size is the log's size before the start.
func (p *processLauncher) unreported(ctx context.Context, child *process.Child, err error, program, log string, size int64) (start.Report, *process.ExitError, error) {
	if errors.Is(context.Cause(ctx), ErrClosed) {
		// Other clients may wait for the child. So it continues, unless it has not
		// acquired the daemon lock yet.
		if alive, aerr := p.dir.Alive(); aerr == nil && !alive {
			child.Kill()
		}
		return start.Report{}, nil, ErrClosed
	}
	if errors.Is(err, context.DeadlineExceeded) {
		// This process may have been stopped until the deadline, and the daemon may serve
		// other clients by now.
		if e, eerr := p.dir.ReadEndpoint(); eerr == nil && e.PID == child.PID() {
			return start.Report{Incarnation: e.Incarnation}, nil, nil
		}
	}
	alive, aerr := p.dir.Alive()
	child.Kill() // no effect if the child has ended
	report, killed := exitReport(err, program, log, size, p.client.cfg.StartTimeout)
	if program != "" && report.Late && aerr == nil && !alive {
		report.ServeNotCalled = true // Config.Command may name a program that is not a daemon
	}
	return report, killed, nil
}
