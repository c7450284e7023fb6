package rt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// consult opens a connection of its own to the running daemon, whatever its
// schema or configuration, and hands it to talk. It returns ErrNotRunning when
// no daemon answers and none holds the lifetime lock.
func (c *client) consult(ctx context.Context, talk func(net.Conn, *wire.Reader) error) error {
	p, err := c.place()
	if err != nil {
		return err
	}
	if err := p.barred(); errors.Is(err, ErrReentrant) {
		return c.startError(StageConnect, err)
	}
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		e, err := p.endpoint()
		if err == nil {
			var conn net.Conn
			var reader *wire.Reader
			if conn, reader, _, err = c.greet(ctx, p, e); err == nil {
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				defer conn.Close()
				if err = talk(conn, reader); ctx.Err() != nil {
					err = ctx.Err()
				}
				return err
			}
		}
		if !transient(err) {
			return err
		}
		if gone, perr := c.gone(p); perr != nil {
			return perr
		} else if gone {
			return c.startError(StageConnect, ErrNotRunning)
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return c.unresponsive(p, err)
		case !pause(ctx, wait): // it starts or leaves
			return c.startError(StageConnect, fmt.Errorf("%w: %w", err, ctx.Err()))
		}
	}
}

// gone reports whether no daemon lives. When that cannot be told, since a
// start is under way, it says no.
func (c *client) gone(p place) (bool, error) {
	release, leads, err := p.lead()
	if err != nil {
		return false, c.directoryError(err)
	}
	if !leads {
		return false, nil
	}
	defer release()
	alive, err := p.alive()
	if err != nil {
		return false, c.directoryError(err)
	}
	return !alive, nil
}

// status asks the daemon about itself.
func (c *client) status(ctx context.Context) (Status, error) {
	var s Status
	err := c.consult(ctx, func(conn net.Conn, r *wire.Reader) error {
		if err := write(conn, wire.Frame{Kind: wire.KindStatus, ID: 1}); err != nil {
			return err
		}
		for {
			f, err := r.Next()
			if err != nil {
				return fmt.Errorf("read the status: %w", err)
			}
			switch f.Kind {
			case wire.KindReply:
				return wire.UnmarshalOpen(f.Body, &s)
			case wire.KindError:
				return readFailure(f.Body).err
			}
		}
	})
	return s, err
}

// shutdown asks the daemon to leave and waits until its process is gone, which
// the end of the connection tells. A daemon that is not there is no error.
func (c *client) shutdown(ctx context.Context, mode ShutdownMode) error {
	body, err := wire.Marshal(wire.Shutdown{Now: mode == ShutdownNow})
	if err != nil {
		return err
	}
	err = c.consult(ctx, func(conn net.Conn, r *wire.Reader) error {
		if err := write(conn, wire.Frame{Kind: wire.KindShutdown, ID: 1, Body: body}); err != nil {
			return err
		}
		for {
			if _, err := r.Next(); err != nil {
				if errors.Is(err, io.EOF) || isReset(err) {
					return nil
				}
				return fmt.Errorf("wait for the daemon to leave: %w", err)
			}
		}
	})
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}

func write(conn net.Conn, f wire.Frame) error {
	frame, err := f.Append(nil)
	if err != nil {
		return err
	}
	_, err = conn.Write(frame)
	return err
}

// status is the daemon's answer; asking is the connection that asks, which is
// not counted among the clients unless it also calls.
func (d *daemon) status(asking *serverConn) Status {
	e := &d.endpoint
	s := Status{
		PID: e.PID, Incarnation: e.Incarnation, Service: e.Service, Name: printable(e.Name), Scope: printable(e.Scope),
		Executable: printable(process.Executable()), Build: e.Build, Config: e.Config, Network: e.Network,
		Address: printable(e.Address), Log: printable(e.Log), IdleTTL: d.idleTTL, IdleLeft: d.idleTTL,
		Started: d.started, Uptime: time.Since(d.started),
	}
	s.Nice, s.Limits, s.Env = inherited()
	for i := range d.svc.Methods {
		m := &d.svc.Methods[i]
		s.Methods = append(s.Methods, MethodStatus{Name: m.Name, Mode: m.Mode.String(), Signature: d.svc.Signature(i)})
	}
	d.turn.look(func(l *lease) {
		call := CallStatus{Method: l.method, Mode: l.mode.String(), PID: l.caller.PID, Since: l.since, For: time.Since(l.since)}
		if l.holds {
			s.Running = append(s.Running, call)
		} else {
			s.Queued = append(s.Queued, call)
		}
	})
	d.mu.Lock()
	s.Calls, s.Leaving, s.LastPanic = d.executed.Load(), d.leaving, printable(d.lastPanic)
	conns := make([]*serverConn, 0, len(d.conns))
	for other := range d.conns {
		conns = append(conns, other)
	}
	idle := d.idle != nil && d.running == 0
	left := time.Until(d.idleAt)
	d.mu.Unlock()
	for _, other := range conns {
		if client, counts := other.describe(); counts {
			s.Clients = append(s.Clients, client)
		}
	}
	slices.SortFunc(s.Clients, func(a, b ClientStatus) int { return a.Since.Compare(b.Since) })
	if idle && len(s.Clients) == 0 {
		s.IdleLeft = max(left, 0)
	}
	return s
}

// printable makes text of what need not be: only text can travel as such.
func printable(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// describe says what Status shows of a connection, and whether it is a user of
// the object at all.
func (s *serverConn) describe() (ClientStatus, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ClientStatus{PID: s.pid, Since: s.since, Calls: s.made}, !s.observes
}
