package rt

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/host"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// MemoryDaemon is a daemon without process and files, for tests that hand it its
// connections. It takes four calls of 64 KiB at a time.
type MemoryDaemon struct {
	d    *daemon.Daemon
	e    *rundir.Endpoint
	gone chan struct{}
}

// NewMemoryDaemon makes one for the service of that name, whose constructor takes
// nothing, and admits so many clients. Its endpoint is the usual one as edit has
// changed it. It calls finished when FinishShutdown has returned, before the connections
// that asked for the shutdown end.
func NewMemoryDaemon(t testing.TB, service string, clients int, log *slog.Logger, edit func(*rundir.Endpoint), finished func()) *MemoryDaemon {
	t.Helper()
	svc := stub.Lookup(service)
	args, configuration, err := stub.EncodeArguments(svc, 1<<10, nil)
	if err != nil {
		t.Fatal(err)
	}
	req := start.Request{Name: []byte(service), Service: svc.Name, Args: args, IdleTTL: time.Hour, StartTimeout: time.Minute}
	if req.Config, err = wire.ConfigHash(svc.Name, svc.Constructor, configuration.Bytes); err != nil {
		t.Fatal(err)
	}
	e, err := host.NewEndpoint(req, svc)
	if err != nil {
		t.Fatal(err)
	}
	edit(e)
	o := host.OptionsOf(req, e, log)
	o.Limits = daemon.Limits{Calls: 4, Bytes: 1 << 18, Frame: 1 << 16, Clients: clients}
	d := daemon.New(svc, o)
	d.SetIdentity(host.IdentityOf(e))
	if err := d.Construct(req.Args, req.StartTimeout); err != nil {
		t.Fatal(err)
	}
	d.Open()
	m := &MemoryDaemon{d, e, make(chan struct{})}
	go func() { // ends when the daemon has shut down
		<-d.ShuttingDown()
		d.FinishShutdown()
		finished()
		close(m.gone)
		d.CloseConns()
	}()
	return m
}

// Endpoint says how to reach it.
func (m *MemoryDaemon) Endpoint() *rundir.Endpoint { return m.e }

// Gone is closed when it has shut down.
func (m *MemoryDaemon) Gone() <-chan struct{} { return m.gone }

// Serve serves a connection.
func (m *MemoryDaemon) Serve(conn net.Conn) { go m.d.ServeConn(conn, daemon.Peer{}) }

// Shutdown begins its shutdown.
func (m *MemoryDaemon) Shutdown() { m.d.BeginShutdown("the test is over", true) }

// Place is where a Shared of a test finds its daemon.
type Place struct {
	Hello wire.Hello // what it says of itself
	Find  func() (*rundir.Endpoint, error)
	Dial  func() (net.Conn, error)

	LastFailure func() (uint64, error) // nil: no start has failed

	Scope, Dir string // what its endpoint must say
}

// Use makes a Shared that has not been used yet look for its daemon in p only.
// It cannot start one.
func (s *Shared[C, P]) Use(p Place) {
	s.owner.hello = p.Hello
	s.owner.findLauncher = func() (launcher, error) { return memoryLauncher{p: p}, nil }
}

// memoryLauncher is a Place as a launcher.
type memoryLauncher struct{ p Place }

func (m memoryLauncher) endpoint() (*rundir.Endpoint, error)                      { return m.p.Find() }
func (m memoryLauncher) dial(context.Context, *rundir.Endpoint) (net.Conn, error) { return m.p.Dial() }
func (m memoryLauncher) tryStartLock() (func(), bool, error)                      { return func() {}, true, nil }
func (m memoryLauncher) identity() identity                                       { return identity{m.p.Scope, m.p.Dir} }
func (m memoryLauncher) checkClient() error                                       { return nil }
func (m memoryLauncher) mayStart() error                                          { return nil }
func (m memoryLauncher) mayReplace() error                                        { return nil }
func (m memoryLauncher) replaced()                                                {}

func (m memoryLauncher) lastFailure() (uint64, error) {
	if m.p.LastFailure == nil {
		return 0, nil
	}
	return m.p.LastFailure()
}

func (m memoryLauncher) alive() (bool, error) {
	_, err := m.p.Find()
	return err == nil, nil
}

func (m memoryLauncher) start(context.Context) error {
	return &StartError{Stage: StageSpawn, Err: errors.New("this test starts no daemon")}
}
