package rt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"github.com/loopgen/loopgen/rt/internal/control"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/internal/sock"
)

// systemLauncher is the launcher of ScopeSystem: the service manager starts the daemon in
// a directory that belongs to the service. Clients create no files there, acquire no lock
// and start no daemon.
type systemLauncher struct {
	client  *client
	dir     *rundir.Dir
	askedAt time.Time // when this client last asked the service manager for a daemon
}

// askInterval is the least time between two requests for a daemon. A client repeats its
// request because an exiting daemon may have accepted the first one.
const askInterval = time.Second

func (c *client) systemLauncher() (launcher, error) {
	base, err := c.base()
	if err != nil {
		return nil, c.directoryError(err)
	}
	dir, err := rundir.OpenService(base.path, c.cfg.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, c.notRunning(err)
	}
	if err != nil {
		return nil, c.directoryError(err)
	}
	return &systemLauncher{client: c, dir: dir}, nil
}

// notRunning returns an ErrNotRunning that names the command to start the service.
func (c *client) notRunning(err error) error {
	return c.startError(StageConnect, fmt.Errorf("%w: a client does not start an object of ScopeSystem, the service manager does (as in: systemctl start %s): %w",
		ErrNotRunning, c.cfg.Name, err))
}

func (p *systemLauncher) endpoint() (*rundir.Endpoint, error) {
	e, err := p.dir.ReadEndpoint()
	switch {
	case errors.Is(err, rundir.ErrUnsafe):
		return nil, p.client.directoryError(err)
	case errors.Is(err, fs.ErrPermission):
		return nil, p.client.startError(StageDirectory, fmt.Errorf("%w: %w", ErrNotAllowed, err))
	case errors.Is(err, fs.ErrNotExist) && !errors.Is(err, rundir.ErrAbsent): // the directory
		return nil, fmt.Errorf("%w: %w", rundir.ErrAbsent, err)
	}
	return e, err
}

func (p *systemLauncher) identity() identity { return identity{string(ScopeSystem), p.dir.Path()} }

func (p *systemLauncher) dial(ctx context.Context, e *rundir.Endpoint) (net.Conn, error) {
	return control.DialService(ctx, p.dir, e)
}

// tryStartLock always succeeds, since clients never start this daemon.
func (p *systemLauncher) tryStartLock() (func(), bool, error) { return func() {}, true, nil }

// alive reports whether a process listens at the address of the endpoint.
func (p *systemLauncher) alive() (bool, error) {
	return control.Listens(p.dir, p.client.cfg.ConnectTimeout), nil
}

// start asks the service manager for a daemon by connecting to the service's socket: a
// service manager that listens there starts the daemon. If a process listens there, the
// error is transient, since a daemon may start soon.
func (p *systemLauncher) start(ctx context.Context) error {
	if time.Since(p.askedAt) < askInterval {
		return errStarting
	}
	path, err := p.dir.ServiceSocket()
	if err != nil {
		return p.client.directoryError(err)
	}
	ctx, cancel := context.WithTimeout(ctx, p.client.cfg.ConnectTimeout)
	defer cancel()
	conn, err := sock.Dial(ctx, "unix", path)
	if ctx.Err() != nil {
		return fmt.Errorf("%s has a full backlog: %w", path, errStarting)
	}
	if err != nil {
		return p.client.notRunning(err)
	}
	conn.Close()
	p.askedAt = time.Now()
	return errStarting
}

func (p *systemLauncher) lastFailure() (uint64, error) { return 0, nil }

func (p *systemLauncher) checkClient() error {
	if own := self.Serving.Load(); own != nil && rundir.SamePath(own.Path, p.dir.Path()) {
		return ErrReentrant
	}
	return nil
}

func (p *systemLauncher) mayStart() error {
	return fmt.Errorf("a client does not start an object of ScopeSystem: use Shutdown, or the service manager (as in: systemctl restart %s)", p.client.cfg.Name)
}

// mayReplace is never called: Config.OnMismatch is an error with ScopeSystem.
func (p *systemLauncher) mayReplace() error {
	return errors.New("only the service manager replaces it")
}

func (p *systemLauncher) replaced() {}
