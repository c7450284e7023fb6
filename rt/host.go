package rt

import (
	"cmp"
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

	"github.com/loopgen/loopgen/rt/internal/sock"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/stub"
)

// host is a daemon with a process, a directory and a listener.
type host struct {
	d        *daemon
	req      startRequest
	dir      *rundir.Dir
	life     *rundir.Life
	log      *logFile
	meet     func(net.Conn) (peer, error) // whom to let in
	guard    *admission                   // of a service
	passed   *net.UnixListener            // what the service manager listened on; nil: nothing, or it is in use
	listener net.Listener
	socket   fs.FileInfo // of the file it listens on; nil: not a Unix socket
	program  bool        // is described in the endpoint, or cannot be
}

// newHost makes this process the daemon of a directory, and makes the object. The
// lifetime lock is held until the process dies, so that two objects never coexist.
// An error comes with the stage that failed.
func newHost(req startRequest, svc *stub.Service, dir *rundir.Dir, log *slog.Logger) (*host, Stage, error) {
	life, err := dir.Hold(context.Background())
	if err != nil {
		return nil, StageDirectory, err
	}
	if err := life.Clean(); err != nil {
		log.Warn("cannot remove what an earlier daemon left", "err", err)
	}
	serving.Store(&hosted{dir.Path(), site{anchor: string(req.Anchor), scope: string(req.Scope)}})

	d := newDaemon(svc, req.IdleTTL, log)
	d.orphans.timeout = cmp.Or(req.OrphanTimeout, orphanTimeout)
	e, err := newEndpoint(req, svc)
	if err != nil {
		return nil, StagePublish, err
	}
	e.Directory = dir.Path()
	if developing() {
		e.Program = programLine()
	}
	d.endpoint.Store(e)
	stop := explainSlowness(log, req.StartTimeout)
	err = d.construct(req)
	stop()
	if err != nil {
		return nil, StageConstructor, err
	}
	return &host{d: d, req: req, dir: dir, life: life, log: newLogFile(string(req.Log)), meet: thisUser}, "", nil
}

// announce writes to the log what serves.
func (h *host) announce() {
	e := h.d.endpoint.Load()
	h.d.log.Info("serving", "service", cut.Name(e.Service), "name", cut.Name(e.Name), "incarnation", e.Incarnation,
		"address", e.Address, "executable", process.Executable(), "idle", h.d.idleTTL)
}

// publish makes the daemon reachable, or says at which stage that failed.
func (h *host) publish() (Stage, error) {
	if err := h.listen(); err != nil {
		return StageListen, err
	}
	return StagePublish, h.life.Publish(h.d.endpoint.Load())
}

// abandon gives up what a daemon has made that could not be published.
func (h *host) abandon() {
	if h.listener != nil {
		h.listener.Close()
	}
	h.d.closeObject()
}

// listen opens the socket that the transport asks for and writes its address
// into the endpoint.
func (h *host) listen() error {
	e := *h.d.endpoint.Load()
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
	h.d.endpoint.Store(&e)
	return nil
}

func (h *host) open(e *rundir.Endpoint) (net.Listener, error) {
	if Scope(h.req.Scope) == ScopeSystem {
		return h.openService(e)
	}
	if h.req.Transport != TransportTCP {
		path, err := h.dir.SocketPath(e.Incarnation)
		if err == nil {
			var ln *net.UnixListener
			if ln, err = sock.ListenUnix(path, 0o600); err == nil {
				e.Network, e.Address = "unix", path
				return ln, nil
			}
		}
		if h.req.Transport == TransportUnix {
			return nil, fmt.Errorf("%w; use TransportAuto or TransportTCP", err)
		}
		h.d.log.Info("no Unix socket, using TCP", "because", err)
	}
	ln, err := sock.ListenTCP()
	if err != nil {
		return nil, err
	}
	e.Network, e.Address = "tcp", ln.Addr().String()
	return ln, nil
}

// openService takes the socket that was passed on, or else makes one, to which
// everybody may connect: the kernel tells who it is.
func (h *host) openService(e *rundir.Endpoint) (net.Listener, error) {
	path, err := h.dir.ServiceSocket()
	if err != nil {
		return nil, err
	}
	e.Network, e.Address = "unix", path
	ln := h.passed
	if h.passed = nil; ln == nil {
		if err := h.life.RemoveServiceSocket(); err != nil {
			return nil, err
		}
		if ln, err = sock.ListenUnix(path, 0o666); err != nil {
			return nil, err
		}
	}
	screen, err := sock.Screened(ln, h.guard, refusal, h.d.refusedUser)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return screen, nil
}

// run serves until the daemon leaves, which it does when ctx ends at the latest,
// and sees to all that is left behind.
func (h *host) run(ctx context.Context) {
	departed := make(chan struct{})
	defer h.heedSignals(departed)() // before there is a call that one of them could end
	h.d.open()
	go h.d.acceptAll(h.listener, h.meet) // ends when the listener is closed
	runtime.Gosched()                    // or no thread is free for it until this goroutine waits
	h.announce()                         // only now: the first line of a log looks for the time zone
	tick := time.NewTicker(h.d.limits.watchdog)
	defer tick.Stop()
	go func() { // ends when nothing is left to do
		defer close(departed)
		<-h.d.departing
		h.d.depart()
	}()
	defer context.AfterFunc(ctx, func() { h.d.leave(context.Cause(ctx).Error(), ShutdownDrain) })()
	for left := false; !left; { // it may run calls for long after it began to leave
		select {
		case <-departed:
			left = true
		case <-tick.C:
			h.watch()
		}
	}
	h.listener.Close()
	if err := h.life.Withdraw(h.d.endpoint.Load().Incarnation); err != nil {
		h.d.log.Warn("cannot withdraw the endpoint", "err", err)
	}
	h.d.log.Info("left", "because", h.d.leaving)
}

// watch looks once a second whether clients can still find the daemon, and repairs
// the endpoint and the socket if they cannot.
func (h *host) watch() {
	lost, published := h.life.Check()
	damage := ""
	if !lost {
		damage = h.unreachable()
	}
	if damage != "" {
		h.reopen()
	} else if !published {
		damage = "the endpoint was changed or removed"
	}
	h.log.rotate()
	if lost {
		h.d.leave(cut.Printable(h.life.Loss()), ShutdownDrain)
	} else if damage != "" {
		h.d.log.Warn("publishing the endpoint again", "because", cut.Printable(damage))
		if err := h.life.Publish(h.d.endpoint.Load()); err != nil {
			h.d.log.Error("cannot publish the endpoint", "err", err)
		}
	} else if !h.program {
		h.program = true
		h.describe()
	}
}

// describe publishes the endpoint with a description of the program, for the clients
// of other builds of it. A start does not take the time for that, unless this process
// is one of a developer's.
func (h *host) describe() {
	e := *h.d.endpoint.Load()
	if e.Program.Main != "" {
		return
	}
	if e.Program = programLine(); e.Program.Main == "" {
		return
	}
	h.d.endpoint.Store(&e)
	if err := h.life.Publish(&e); err != nil {
		h.d.log.Warn("cannot publish what program this is", "err", err)
	}
}

// unreachable says whether the socket was removed or replaced, or without one the
// directory of the log was removed. It is empty if not.
func (h *host) unreachable() string {
	e := h.d.endpoint.Load()
	if h.socket == nil {
		dir := filepath.Dir(e.Log)
		if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
			return "the directory " + dir + " was removed"
		}
		return ""
	}
	// The listener keeps its inode: no other file gets the number meanwhile.
	info, err := os.Lstat(e.Address)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "the socket " + e.Address + " was removed"
	case err == nil && runtime.GOOS != "windows" && !os.SameFile(info, h.socket): // a socket may have no file id there
		return "the socket " + e.Address + " was replaced"
	}
	return ""
}

// reopen listens again when the socket was removed, perhaps with its directory, or
// replaced, so that the choice of a directory is made anew, for the log as well.
func (h *host) reopen() {
	old := h.listener
	dir, err := h.req.open()
	if err == nil {
		h.dir = dir
		if h.log.path != "" {
			h.log = newLogFile(dir.LogPath())
		}
		if h.socket != nil {
			err = h.life.RemoveSocket(dir, h.d.endpoint.Load().Incarnation)
		}
	}
	if err == nil {
		err = h.listen()
	}
	if err != nil {
		h.d.log.Error("cannot listen again", "err", err)
		return
	}
	if old, ok := old.(interface{ SetUnlinkOnClose(bool) }); ok {
		old.SetUnlinkOnClose(false) // the path may be the new listener's
	}
	old.Close()
	go h.d.acceptAll(h.listener, h.meet) // ends when the listener is closed
}
