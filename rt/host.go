package rt

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// host is a daemon with a process, a directory and a listener.
type host struct {
	d        *daemon
	req      startRequest
	dir      *rundir.Dir
	life     *rundir.Life
	log      *logFile
	listener net.Listener
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
	h.listener = ln
	e.Log = h.log.path
	h.d.endpoint.Store(&e)
	return nil
}

func (h *host) open(e *rundir.Endpoint) (net.Listener, error) {
	if h.req.Transport != TransportTCP {
		path, err := h.dir.SocketPath(e.Incarnation)
		if err == nil {
			var ln net.Listener
			if ln, err = listenUnix(path); err == nil {
				e.Network, e.Address = "unix", path
				return ln, nil
			}
		}
		if h.req.Transport == TransportUnix {
			return nil, fmt.Errorf("%w; use TransportAuto or TransportTCP", err)
		}
		h.d.log.Info("no Unix socket, using TCP", "because", err)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e.Network, e.Address = "tcp", ln.Addr().String()
	return ln, nil
}

// listenUnix listens on a path in a directory that only this user can search.
func listenUnix(path string) (net.Listener, error) {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return ln, os.Chmod(path, 0o600)
}

// run serves until the daemon leaves, and sees to all that is left behind.
func (h *host) run() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM) // before there is a call that one of them could end
	h.d.open()
	go h.d.acceptAll(h.listener, thisUser) // ends when the listener is closed
	tick := time.NewTicker(h.d.limits.watchdog)
	defer tick.Stop()
	go func() { // ends with the process
		s := <-signals
		h.d.leave(s.String(), ShutdownDrain)
		s = <-signals
		h.d.log.Warn("exiting at once", "because", s.String())
		os.Exit(exitFailed)
	}()
	departed := make(chan struct{})
	go func() { // ends when nothing is left to do
		defer close(departed)
		<-h.d.departing
		h.d.depart()
	}()
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

// watch looks once a second whether clients can still find the daemon.
func (h *host) watch() {
	lost, published := h.life.Check(h.d.endpoint.Load().Incarnation)
	gone := !lost && h.placeGone()
	if gone {
		h.reopen()
	}
	h.log.rotate(h.d.limits.logSize)
	if lost {
		h.d.leave("the directory "+h.dir.Path()+" was removed", ShutdownDrain)
	} else if gone || !published {
		h.d.log.Warn("publishing the endpoint again: a file was removed")
		if err := h.life.Publish(h.d.endpoint.Load()); err != nil {
			h.d.log.Error("cannot publish the endpoint", "err", err)
		}
	}
}

// placeGone reports whether the socket was removed, or without one the directory
// of the log.
func (h *host) placeGone() bool {
	e := h.d.endpoint.Load()
	path := e.Address
	if e.Network != "unix" {
		path = filepath.Dir(e.Log)
	}
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}

// reopen listens again when the socket was removed, perhaps with its directory,
// so that the choice of a place is made anew, for the log as well.
func (h *host) reopen() {
	old := h.listener
	dir, err := rundir.Open(string(h.req.Anchor), string(h.req.Dir))
	if err == nil {
		h.dir, h.log = dir, newLogFile(dir.LogPath())
		err = h.listen()
	}
	if err != nil {
		h.d.log.Error("cannot listen again", "err", err)
		return
	}
	if old, ok := old.(*net.UnixListener); ok {
		old.SetUnlinkOnClose(false) // the path may be the new listener's
	}
	old.Close()
	go h.d.acceptAll(h.listener, thisUser) // ends when the listener is closed
}
