package rt

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/host"
	"github.com/loopgen/loopgen/rt/internal/inprocess"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/start"
)

// localLauncher is the launcher of LOOPGEN_MODE=inprocess, for debuggers and for tests
// without a second process. The daemon is in this process, one for each scope and name,
// and clients connect to it over a pipe in memory. Only files, locks and processes differ:
// codec, handshake, limits, turn and idle time are the same.
type localLauncher struct {
	*localSingleton
	client *client
	scope  string // in full
}

// localSingleton is the state that all clients of one scope and name share.
type localSingleton struct {
	startLock chan struct{} // has a token while nobody holds the lock

	mu           sync.Mutex
	daemon       *daemon.Daemon   // nil: none lives
	at           *rundir.Endpoint // of daemon
	failures     uint64           // number of failed starts
	failure      error            // of the last failed start
	failedConfig string           // the configuration of the last failed start
	replacedAt   time.Time        // when a daemon was last replaced
}

var localSingletons struct {
	sync.Mutex
	byKey map[[2]string]*localSingleton
}

func newLocalLauncher(c *client) (launcher, error) {
	within := ""
	if c.cfg.Scope == ScopeProject { // in one process only this scope may have several values
		root, err := c.workingDir.project()
		if err != nil {
			return nil, c.directoryError(err)
		}
		within = root
	}
	key := [2]string{scopeOf(c.cfg.Scope, within), c.cfg.Name}
	localSingletons.Lock()
	defer localSingletons.Unlock()
	r := localSingletons.byKey[key]
	if r == nil {
		r = &localSingleton{startLock: make(chan struct{}, 1)}
		r.startLock <- struct{}{}
		if localSingletons.byKey == nil {
			localSingletons.byKey = make(map[[2]string]*localSingleton)
		}
		localSingletons.byKey[key] = r
	}
	return localLauncher{r, c, key[0]}, nil
}

func (p localLauncher) endpoint() (*rundir.Endpoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.daemon == nil {
		return nil, rundir.ErrAbsent
	}
	return p.at, nil
}

func (p localLauncher) identity() identity { return identity{scope: p.scope} }

func (p localLauncher) dial(context.Context, *rundir.Endpoint) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.daemon == nil {
		return nil, rundir.ErrAbsent
	}
	ours, theirs := net.Pipe()
	go p.daemon.ServeConn(theirs, daemon.Peer{Peer: sock.Peer{Known: true, UID: os.Geteuid(), PID: os.Getpid()}}) // ends with the connection
	return ours, nil
}

func (p localLauncher) tryStartLock() (func(), bool, error) {
	select {
	case token := <-p.startLock:
		return func() { p.startLock <- token }, true, nil
	default:
		return nil, false, nil
	}
}

func (p localLauncher) alive() (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.daemon != nil, nil
}

func (p localLauncher) lastFailure() (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failedConfig != p.client.config {
		return p.failures, nil // a start by this client may succeed
	}
	return p.failures, p.failure
}

func (p localLauncher) mayStart() error { return nil }

func (p localLauncher) mayReplace() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return tooSoon(p.replacedAt)
}

func (p localLauncher) replaced() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replacedAt = time.Now()
}

// checkClient returns nil: in one process the object's own calls cannot be recognized. A
// method that calls its own proxy waits for itself.
func (p localLauncher) checkClient() error { return nil }

func (p localLauncher) start(context.Context) error {
	c := p.client
	req := start.Request{
		Name: []byte(c.cfg.Name), Scope: []byte(p.scope), Service: c.svc.Name,
		Args: c.args, Config: c.config, Parts: c.parts, Version: c.cfg.Version,
		IdleTTL: c.cfg.IdleTTL, OrphanTimeout: c.cfg.OrphanTimeout, StartTimeout: c.cfg.StartTimeout,
	}
	var d *daemon.Daemon
	e, err := host.NewEndpoint(req, c.svc)
	if err == nil {
		e.Network, e.Address = "memory", e.Incarnation
		d = daemon.New(c.svc, host.OptionsOf(req, e, c.cfg.Logger))
		d.SetIdentity(host.IdentityOf(e))
		if err = d.Construct(req.Args, req.StartTimeout); err != nil {
			d.Stop(err)
		}
	}
	if err != nil {
		err = c.objectError(StageConstructor, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failures++
		p.failure, p.failedConfig = err, c.config
		return err
	}
	p.daemon, p.at = d, e
	d.Open()
	o := &localObject{d: d, service: c.svc.Name, ended: make(chan struct{})}
	inprocess.Add(o)
	go func() { // ends when the daemon has shut down
		p.run(d)
		inprocess.Remove(o)
		close(o.ended)
	}()
	return nil
}

// localObject is the object of a daemon in this process, for package rttest.
type localObject struct {
	d       *daemon.Daemon
	service string
	ended   chan struct{} // closed when the daemon has shut down
}

// End shuts the daemon down. It waits two seconds for the daemon's calls. Then it cancels
// their contexts and waits two seconds more.
func (o *localObject) End() error {
	for _, now := range []bool{false, true} {
		o.d.BeginShutdown("the tests have ended", now)
		select {
		case <-o.ended:
			return nil
		case <-time.After(2 * time.Second):
		}
	}
	return fmt.Errorf("%s (LOOPGEN_MODE=inprocess) does not leave: one of its methods, or its Close, has not returned", cut.Name(o.service))
}

// run waits until the daemon has shut down. It resets the singleton's daemon only after
// the object has ended, so that an old and a new object do not coexist. The exception is
// an object with a method that ignores ShutdownNow: such a method cannot be ended.
func (p localLauncher) run(d *daemon.Daemon) {
	<-d.ShuttingDown()
	d.FinishShutdown()
	p.mu.Lock()
	p.daemon = nil
	p.mu.Unlock()
	d.CloseConns()
}
