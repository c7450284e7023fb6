package inspect

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/control"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

const (
	// connectTimeout is the default of rt.Config.ConnectTimeout.
	connectTimeout = 2 * time.Second
	// exitPause is the time between two looks whether a daemon has exited, and between two
	// tries to connect.
	exitPause = 10 * time.Millisecond
)

// Status returns the state of the daemon. It does not postpone the daemon's idle exit. The
// error wraps rt.ErrNotRunning if no daemon runs, rt.ErrUnresponsive if the daemon does not
// answer within 2 s, rt.ErrNotAllowed, rt.ErrIncompatible, rt.ErrUnreachable, rt.ErrAuth,
// or the context's error.
func (d *Daemon) Status(ctx context.Context) (rt.Status, error) {
	var s rt.Status
	answer, err := d.ask(ctx, wire.Frame{Kind: wire.KindStatus, ID: 1})
	if err != nil {
		return s, d.explain(ctx, err)
	}
	if err := wire.UnmarshalOpen(answer.Body, &s); err != nil {
		return s, fmt.Errorf("decode the status: %w", err)
	}
	return s, nil
}

// UnfinishedError says that a daemon was asked to shut down, and that the context ended
// before its process did.
type UnfinishedError struct {
	PID int
	Err error // the context's
}

// Error names the process.
func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("process %d was asked to shut down and has not ended: %v", e.PID, e.Err)
}

// Unwrap returns Err.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Shutdown shuts the daemon down, and returns nil after its process has released
// everything. The error is an *UnfinishedError if ctx ends before. Otherwise the daemon has
// not been asked, or has refused, and the error is like that of Status. A later daemon of
// the singleton is not shut down.
func (d *Daemon) Shutdown(ctx context.Context, mode rt.ShutdownMode) error {
	body, err := wire.Marshal(wire.Shutdown{Now: mode == rt.ShutdownNow})
	if err != nil {
		return err
	}
	_, err = d.ask(ctx, wire.Frame{Kind: wire.KindShutdown, ID: 1, Body: body})
	var lost *lostError
	if !errors.As(err, &lost) {
		return d.explain(ctx, err)
	}
	// The connection has ended. The lock proves that the process has, too.
	for {
		if lives, err := d.lives(); err != nil || !lives {
			return err
		}
		if e, err := d.dir.ReadEndpoint(); err == nil && e.Incarnation != d.endpoint.Incarnation {
			return nil
		}
		if !sock.Pause(ctx, exitPause) {
			return &UnfinishedError{d.PID, ctx.Err()}
		}
	}
}

// lostError says that the connection ended after a question was sent, without an answer.
type lostError struct{ err error }

func (e *lostError) Error() string { return "the daemon ended the connection" }
func (e *lostError) Unwrap() error { return e.err }

// refusalError is an error that the daemon returned, with its code unless it is that of a
// welcome.
type refusalError struct {
	error
	code wire.FailureCode
}

func (e refusalError) Unwrap() error { return e.error }

// ask sends a frame on a connection of its own and returns the reply.
func (d *Daemon) ask(ctx context.Context, question wire.Frame) (wire.Frame, error) {
	return d.askWithin(ctx, connectTimeout, question)
}

// askWithin is ask with the time that the daemon may take to answer a status frame.
func (d *Daemon) askWithin(ctx context.Context, patience time.Duration, question wire.Frame) (wire.Frame, error) {
	if !d.Lives() {
		return wire.Frame{}, d.notRunning()
	}
	switch {
	case d.Problem != "":
		return wire.Frame{}, refusalError{error: fmt.Errorf("%w: %s", rt.ErrIncompatible, d.Problem)}
	case d.State == Starting:
		return wire.Frame{}, fmt.Errorf("%w: it is starting or exiting; look again in a moment", rt.ErrUnresponsive)
	}
	conn, reader, welcome, err := d.greet(ctx)
	if err != nil {
		return wire.Frame{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	switch welcome.Code {
	case wire.WelcomeIncompatible:
		return wire.Frame{}, refusalError{error: fmt.Errorf("%w: %s", rt.ErrIncompatible, welcome.Text)}
	case wire.WelcomeNotAllowed:
		return wire.Frame{}, refusalError{error: fmt.Errorf("%w: %s", rt.ErrNotAllowed, welcome.Text)}
	}
	if question.Kind == wire.KindStatus {
		conn.SetDeadline(time.Now().Add(patience))
	}
	answer, err := control.Ask(conn, reader, question)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return answer, &control.SilentError{Endpoint: d.endpoint}
	case err != nil:
		return answer, &lostError{err}
	case answer.Kind == wire.KindError:
		return answer, refusal(answer.Body)
	}
	return answer, nil
}

// greet connects to the daemon. It tries again while the daemon lives and connections are
// lost: a service that does not admit this user may close one before its refusal was read.
func (d *Daemon) greet(ctx context.Context) (net.Conn, *wire.Reader, wire.Welcome, error) {
	dial := func(ctx context.Context, e *rundir.Endpoint) (net.Conn, error) {
		if d.dir.Service() {
			return control.DialService(ctx, d.dir, e)
		}
		return control.DialUser(ctx, d.dir, e)
	}
	hello := wire.Hello{Session: rand.Text()[:16], PID: os.Getpid()}
	for until := time.Now().Add(connectTimeout); ; {
		conn, reader, welcome, err := control.Greet(ctx, dial, d.endpoint, hello, connectTimeout, d.dir.Service())
		var silent *control.SilentError
		var hidden *control.HiddenError
		var peer *control.PeerError
		lost := err != nil && !errors.As(err, &silent) && !errors.As(err, &hidden) && !errors.As(err, &peer) && !errors.Is(err, wire.ErrAuth)
		if !lost || time.Now().After(until) {
			return conn, reader, welcome, err
		}
		// The pause is after the probe, which connects to a service, too: a process gets at
		// most one refusal each millisecond.
		if lives, perr := d.lives(); perr != nil || !lives || !sock.Pause(ctx, exitPause) {
			return conn, reader, welcome, err
		}
	}
}

// refusal returns the error that an error frame describes.
func refusal(body []byte) error {
	f, err := wire.ParseFailure(body)
	switch {
	case err != nil:
		return err
	case f.Code == wire.FailureNotAllowed:
		return refusalError{fmt.Errorf("%w: %s", rt.ErrNotAllowed, f.Text), f.Code}
	}
	return refusalError{fmt.Errorf("the daemon refused: %v: %s", f.Code, f.Text), f.Code}
}

func (d *Daemon) notRunning() error {
	if d.dir.Service() {
		return fmt.Errorf("%w: start the service (as in: systemctl start %s)", rt.ErrNotRunning, d.Name)
	}
	if d.State == Killed {
		return fmt.Errorf("%w: %s was killed; a program that connects starts another one", rt.ErrNotRunning, d.Name)
	}
	return fmt.Errorf("%w: %s has exited; a program that connects starts another one", rt.ErrNotRunning, d.Name)
}

// explain returns the error of ask as one of rt's errors.
func (d *Daemon) explain(ctx context.Context, err error) error {
	var refused refusalError
	var silent *control.SilentError
	var hidden *control.HiddenError
	var peer *control.PeerError
	switch {
	case err == nil || errors.As(err, &refused) || errors.Is(err, rt.ErrNotRunning) || errors.Is(err, rt.ErrUnresponsive):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &hidden):
		return fmt.Errorf("%w: %w", rt.ErrUnreachable, err)
	case errors.As(err, &peer), errors.Is(err, wire.ErrAuth):
		return fmt.Errorf("%w: %w", rt.ErrAuth, err)
	}
	if now := newDaemon(d.dir); !now.Lives() { // it has exited meanwhile
		return now.notRunning()
	}
	switch {
	case errors.As(err, &silent) && stopped(d.process()):
		return fmt.Errorf("%w: process %d is stopped; continue it: kill -CONT %[2]d", rt.ErrUnresponsive, d.process())
	case errors.As(err, &silent):
		return fmt.Errorf("%w: process %d did not answer within %v: it may be stopped (kill -CONT %[2]d) or overloaded", rt.ErrUnresponsive, d.process(), connectTimeout)
	}
	return fmt.Errorf("ask process %d: %w", d.PID, err)
}
