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

// localLauncher is the place of LOOPGEN_MODE=inprocess: the daemon is a part of
// this process, one per scope and name, reached over a pipe in memory. All but
// files, locks and processes is as ever: codec, handshake, limits, turn, idle
// time. For debuggers, and for tests that want no second process.
type localLauncher struct {
	*localSingleton
	client *client
	scope  string // in full
}

// localSingleton is what all clients of one scope and name share.
type localSingleton struct {
	leader chan struct{} // holds a token unless somebody leads

	mu       sync.Mutex
	daemon   *daemon.Daemon   // nil: none lives
	at       *rundir.Endpoint // of daemon
	failures uint64           // starts that have failed
	failure  error            // of the last of them
	failed   string           // the configuration of that one
	last     time.Time        // that a daemon was replaced
}

var localSingletons struct {
	sync.Mutex
	byKey map[[2]string]*localSingleton
}

func newLocalLauncher(c *client) (launcher, error) {
	within := ""
	if c.cfg.Scope == ScopeProject { // the only one of which a process may know several
		root, err := c.workplace.project()
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
		r = &localSingleton{leader: make(chan struct{}, 1)}
		r.leader <- struct{}{}
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
	case token := <-p.leader:
		return func() { p.leader <- token }, true, nil
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
	if p.failed != p.client.config {
		return p.failures, nil // this client may be luckier
	}
	return p.failures, p.failure
}

func (p localLauncher) mayStart() error { return nil }

func (p localLauncher) mayReplace() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return tooSoon(p.last)
}

func (p localLauncher) replaced() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
}

// checkClient returns nil: in one process nobody can tell the object's own calls
// from others. A method that calls its own proxy waits for itself.
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
		p.failure, p.failed = err, c.config
		return err
	}
	p.daemon, p.at = d, e
	d.Open()
	o := &localObject{d: d, service: c.svc.Name, gone: make(chan struct{})}
	inprocess.Add(o)
	go func() { // ends when the daemon has left
		p.run(d)
		inprocess.Remove(o)
		close(o.gone)
	}()
	return nil
}

// localObject is the object of a daemon in this process, for package rttest.
type localObject struct {
	d       *daemon.Daemon
	service string
	gone    chan struct{} // closed when the daemon has left
}

// End makes the daemon leave, and waits two seconds for its calls and then two more
// for their contexts to end them.
func (o *localObject) End() error {
	for _, now := range []bool{false, true} {
		o.d.Leave("the tests have ended", now)
		select {
		case <-o.gone:
			return nil
		case <-time.After(2 * time.Second):
		}
	}
	return fmt.Errorf("%s (LOOPGEN_MODE=inprocess) does not leave: one of its methods, or its Close, has not returned", cut.Name(o.service))
}

// run waits until the daemon leaves and empties the room only when the object
// is gone, so that an old and a new one do not coexist; except that nobody can
// end a method that ignores ShutdownNow.
func (p localLauncher) run(d *daemon.Daemon) {
	<-d.Departing()
	d.Depart()
	p.mu.Lock()
	p.daemon = nil
	p.mu.Unlock()
	d.HangUp()
}
