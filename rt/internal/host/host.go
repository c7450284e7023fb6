package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/wire"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/stub"
)

const (
	transportUnix = "unix"
	transportTCP  = "tcp"

	watchdog = time.Second // between two checks of lock, endpoint, socket and log
)

// Host is a daemon with a process, a directory and a listener. Its methods are not safe
// for concurrent use: one goroutine calls Publish, then Run, or Close if Publish failed. A
// process that does not exit after Run calls CloseConns.
type Host struct {
	d         *daemon.Daemon
	endpoint  *rundir.Endpoint // never changed, only replaced
	idleTTL   time.Duration
	slog      *slog.Logger
	req       start.Request
	dir       *rundir.Dir
	lock      *rundir.DaemonLock
	log       *logFile
	authorize func(net.Conn) (daemon.Peer, error)
	admission *Admission        // set by NewSystemDaemon
	passed    *net.UnixListener // the service manager's socket until the daemon listens on it; may be nil
	listener  net.Listener
	socket    fs.FileInfo // the file of the listener's Unix socket; nil: TCP
	described bool        // describe has been called
	totals    totals      // the file with the numbers of calls
}

// New makes this process the daemon of a directory, and makes the object. The lifetime
// lock is held until the process dies, so that two objects never coexist. On failure it
// returns the stage that failed.
func New(req start.Request, svc *stub.Service, dir *rundir.Dir, log *slog.Logger) (*Host, string, error) {
	lock, err := dir.AcquireDaemonLock(context.Background())
	if err != nil {
		return nil, start.StageDirectory, err
	}
	if err := lock.Clean(); err != nil {
		log.Warn("cannot remove the files of an earlier daemon", "err", err)
	}
	self.Serving.Store(&self.Singleton{Path: dir.Path(), Base: string(req.Anchor), Scope: string(req.Scope)})

	e, err := NewEndpoint(req, svc)
	if err != nil {
		return nil, start.StagePublish, err
	}
	e.Directory = dir.Path()
	if self.Developing() {
		e.Program = self.ProgramLine()
	}
	h := &Host{
		d: daemon.New(svc, OptionsOf(req, e, log)), idleTTL: req.IdleTTL, slog: log,
		req: req, dir: dir, lock: lock, log: newLogFile(string(req.Log)), authorize: sameUser,
	}
	h.setEndpoint(e)
	h.readTotals()
	stop := watchConstructor(log, req.StartTimeout)
	err = h.d.Construct(req.Args, req.StartTimeout)
	stop()
	if err != nil {
		return nil, start.StageConstructor, h.notStarted(err)
	}
	return h, "", nil
}

// OptionsOf returns the options of the daemon in this process whose endpoint is e.
func OptionsOf(req start.Request, e *rundir.Endpoint, log *slog.Logger) daemon.Options {
	return daemon.Options{
		IdleTTL: req.IdleTTL, OrphanTimeout: req.OrphanTimeout, Log: log,
		Explain:   func(err error) error { return explainUnknown(err, e) },
		Exhausted: func() string { return exhausted(e.Scope, e.PID) },
		Inherited: inherited,
	}
}

// IdentityOf returns the identity that the daemon with the endpoint e shows to clients.
func IdentityOf(e *rundir.Endpoint) daemon.Identity {
	return daemon.Identity{
		Incarnation: e.Incarnation, Key: e.Key, Network: e.Network, Address: e.Address,
		MinProtocol: e.MinProtocol, MaxProtocol: e.MaxProtocol, PID: e.PID,
		Service: e.Service, Name: e.Name, Scope: e.Scope, Executable: process.Executable(),
		Build: e.Build, Version: e.Version, Config: e.Config, Log: e.Log,
	}
}

// setEndpoint replaces the endpoint and with it the identity that clients see.
func (h *Host) setEndpoint(e *rundir.Endpoint) {
	h.endpoint = e
	h.d.SetIdentity(IdentityOf(e))
}

// sameUser authorizes only the user of this process.
func sameUser(conn net.Conn) (daemon.Peer, error) {
	p, err := sock.SameUser(conn)
	if err != nil {
		err = fmt.Errorf("%w: %w", wire.ErrAuth, err)
	}
	return daemon.Peer{Peer: p}, err
}

// logServing logs the name of the type, its endpoint and the program.
func (h *Host) logServing() {
	e := h.endpoint
	h.slog.Info("serving", "service", cut.Name(e.Service), "name", cut.Name(e.Name), "incarnation", e.Incarnation,
		"address", e.Address, "executable", process.Executable(), "idle", h.idleTTL)
}

// Publish listens and publishes the endpoint. On failure it returns the stage that failed,
// and the caller must call Close.
func (h *Host) Publish() (string, error) {
	if err := h.listen(); err != nil {
		return start.StageListen, err
	}
	return start.StagePublish, h.lock.Publish(h.endpoint)
}

// Close closes the listener and the object of a host that never runs, since Publish has
// failed.
func (h *Host) Close() {
	if h.listener != nil {
		h.listener.Close()
	}
	h.d.CloseObject()
	_ = h.notStarted(nil)
}

// listen opens the socket that the transport asks for and writes its address
// into the endpoint.
func (h *Host) listen() error {
	e := *h.endpoint
	ln, err := h.open(&e)
	if err != nil {
		return err
	}
	var socket fs.FileInfo
	if e.Network == "unix" {
		if socket, err = os.Lstat(e.Address); err != nil {
			return errors.Join(err, ln.Close())
		}
	}
	h.listener, h.socket = ln, socket
	e.Log = h.log.path
	e.Locate()
	h.setEndpoint(&e)
	return nil
}

func (h *Host) open(e *rundir.Endpoint) (net.Listener, error) {
	if string(h.req.Scope) == start.ScopeSystem {
		return h.openSystemSocket(e)
	}
	if h.req.Transport != transportTCP {
		path, err := h.dir.SocketPath(e.Incarnation)
		if err == nil {
			var ln *net.UnixListener
			if ln, err = sock.ListenUnix(path, 0o600); err == nil {
				e.Network, e.Address = "unix", path
				return ln, nil
			}
		}
		if h.req.Transport == transportUnix {
			return nil, fmt.Errorf("%w; use TransportAuto or TransportTCP", err)
		}
		h.slog.Info("no Unix socket, using TCP", "because", err)
	}
	ln, err := sock.ListenTCP()
	if err != nil {
		return nil, err
	}
	e.Network, e.Address = "tcp", ln.Addr().String()
	return ln, nil
}

// openSystemSocket is open for ScopeSystem. It listens on the service manager's socket, or
// else on a socket of its own. Every user may connect: the kernel reports the user, and the
// admission decides.
func (h *Host) openSystemSocket(e *rundir.Endpoint) (net.Listener, error) {
	path, err := h.dir.ServiceSocket()
	if err != nil {
		return nil, err
	}
	e.Network, e.Address = "unix", path
	ln := h.passed
	if h.passed = nil; ln == nil {
		if err := h.lock.RemoveServiceSocket(); err != nil {
			return nil, err
		}
		if ln, err = sock.ListenUnix(path, 0o666); err != nil {
			return nil, err
		}
	}
	screen, err := sock.Screened(ln, h.admission, refusal, func(uid int) { h.d.LogRefusedUser(notAdmitted(uid).Error()) })
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return screen, nil
}

// Run serves until the daemon has shut down, and then closes the listener and removes the
// endpoint. The daemon shuts down when it is idle, on a signal, on a client's request, when
// its lifetime lock is lost, and when ctx ends. Each of these calls BeginShutdown of the
// daemon, and Run then calls FinishShutdown.
func (h *Host) Run(ctx context.Context) {
	ended := make(chan struct{})
	defer h.handleSignals(ended)() // before the first call, which a signal could otherwise kill
	h.d.Open()
	go h.d.AcceptAll(h.listener, h.authorize) // ends when the listener is closed
	runtime.Gosched()                         // otherwise that goroutine gets no thread until this one waits
	h.logServing()                            // after accepting began: the first log line loads the time zone
	tick := time.NewTicker(watchdog)
	defer tick.Stop()
	go func() { // ends when the shutdown is finished
		defer close(ended)
		<-h.d.ShuttingDown()
		h.d.FinishShutdown()
	}()
	defer context.AfterFunc(ctx, func() { h.d.BeginShutdown(context.Cause(ctx).Error(), false) })()
	for done := false; !done; { // a shutdown may take long: calls may still run
		select {
		case <-ended:
			done = true
		case <-tick.C:
			h.watch()
		}
	}
	h.listener.Close()
	h.writeTotals()
	h.withdraw()
	h.slog.Info("shut down", "because", h.d.Reason())
}

// withdraw removes the endpoint.
func (h *Host) withdraw() {
	if err := h.lock.Withdraw(h.endpoint.Incarnation); err != nil {
		h.slog.Warn("cannot withdraw the endpoint", "err", err)
	}
}

// watch checks once a second whether clients can still find the daemon. If they cannot, it
// repairs the endpoint and the socket. It shuts the daemon down if the lifetime lock is
// lost.
func (h *Host) watch() {
	lost, intact := h.lock.Check()
	problem := ""
	if !lost {
		problem = h.damage()
	}
	if problem != "" {
		h.relisten()
	} else if !intact {
		problem = "the endpoint was changed or removed"
	}
	h.log.rotate()
	if !lost && time.Since(h.totals.written) >= totalsPeriod {
		h.writeTotals()
	}
	if lost {
		h.d.BeginShutdown(cut.Printable(h.lock.LostReason()), false)
	} else if problem != "" {
		h.slog.Warn("publishing the endpoint again", "because", cut.Printable(problem))
		if err := h.lock.Publish(h.endpoint); err != nil {
			h.slog.Error("cannot publish the endpoint", "err", err)
		}
	} else if !h.described {
		h.described = true
		h.describe()
	}
}

// describe publishes the endpoint again with a description of the program, for clients of
// other builds. The start omits the description to save time, unless Developing.
func (h *Host) describe() {
	e := *h.endpoint
	if e.Program.Main != "" {
		return
	}
	if e.Program = self.ProgramLine(); e.Program.Main == "" {
		return
	}
	h.setEndpoint(&e)
	if err := h.lock.Publish(&e); err != nil {
		h.slog.Warn("cannot publish the description of the program", "err", err)
	}
}

// damage returns the reason why clients cannot find the daemon, or "": the socket was
// removed or replaced, or, with TCP, the directory of the log was removed.
func (h *Host) damage() string {
	e := h.endpoint
	if h.socket == nil {
		dir := filepath.Dir(e.Log)
		if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
			return "the directory " + dir + " was removed"
		}
		return ""
	}
	// The listener keeps its inode in use, so no other file can get the same number.
	info, err := os.Lstat(e.Address)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "the socket " + e.Address + " was removed"
	case err == nil && runtime.GOOS != "windows" && !os.SameFile(info, h.socket): // a socket may have no file ID there
		return "the socket " + e.Address + " was replaced"
	}
	return ""
}

// relisten listens again after the socket was removed or replaced. Its directory may be
// gone as well, so the directory of socket and log is chosen anew.
func (h *Host) relisten() {
	old := h.listener
	dir, err := h.req.Open()
	if err == nil {
		h.dir = dir
		if h.log.path != "" {
			h.log = newLogFile(dir.LogPath())
		}
		if h.socket != nil {
			err = h.lock.RemoveSocket(dir, h.endpoint.Incarnation)
		}
	}
	if err == nil {
		err = h.listen()
	}
	if err != nil {
		h.slog.Error("cannot listen again", "err", err)
		return
	}
	if old, ok := old.(interface{ SetUnlinkOnClose(bool) }); ok {
		old.SetUnlinkOnClose(false) // the path may belong to the new listener
	}
	old.Close()
	go h.d.AcceptAll(h.listener, h.authorize) // ends when the listener is closed
}

// CloseConns closes the connections that are still open after Run. A process that exits
// after Run needs no CloseConns, since its exit closes them.
func (h *Host) CloseConns() { h.d.CloseConns() }
