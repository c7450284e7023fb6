// Package control reaches a daemon by the endpoint in its directory and asks it for its
// status or its exit. It may touch sockets and the directory's socket, and it speaks the
// handshake. It makes no calls, starts no daemon, and decides nothing about versions and
// configurations. Package rt uses it for the daemon of a Shared, and package inspect for
// every daemon.
package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// DialFunc connects to the address of an endpoint and checks the peer's user.
type DialFunc func(ctx context.Context, e *rundir.Endpoint) (net.Conn, error)

// PeerError says that a process of the wrong user listens at the address of an endpoint, or
// that the user cannot be determined.
type PeerError struct{ Err error }

// Error returns the text of Err.
func (e *PeerError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *PeerError) Unwrap() error { return e.Err }

// DialUser connects to the daemon of an endpoint that was read from dir, a directory of this
// user. The error is a *HiddenError, a *PeerError, or that of dialling. DialUser may be
// called concurrently.
func DialUser(ctx context.Context, dir *rundir.Dir, e *rundir.Endpoint) (net.Conn, error) {
	conn, err := dial(ctx, dir, e)
	if err != nil {
		return nil, err
	}
	if _, err := sock.SameUser(conn); err != nil {
		conn.Close()
		return nil, &PeerError{err}
	}
	return conn, nil
}

// DialService is DialUser for a directory that several users share. It checks that the
// owner of the directory listens. The endpoint and its key do not prove that: a user who can
// read another endpoint could have copied it there.
func DialService(ctx context.Context, dir *rundir.Dir, e *rundir.Endpoint) (net.Conn, error) {
	owner, err := dir.Owner()
	if err != nil {
		return nil, err
	}
	if e.Network != "unix" {
		return nil, &PeerError{fmt.Errorf("the endpoint names a socket of kind %q", e.Network)}
	}
	conn, err := dial(ctx, dir, e)
	if err != nil {
		return nil, err
	}
	peer, err := sock.PeerOf(conn)
	switch {
	case err != nil:
		err = fmt.Errorf("cannot tell whose socket it is: %w", err)
	case !peer.Known || peer.UID != owner:
		err = fmt.Errorf("the socket %s is that of user %d, its directory belongs to user %d", e.Address, peer.UID, owner)
	}
	if err != nil {
		conn.Close()
		return nil, &PeerError{err}
	}
	return conn, nil
}

// Listens reports whether a process listens at the address of the endpoint in dir, a
// directory that several users share. The lifetime lock would prove more, but only the
// daemon's own user may use it. Listens waits at most that long: a daemon with a full
// backlog counts as listening. It may be called concurrently.
func Listens(dir *rundir.Dir, timeout time.Duration) bool {
	e, err := dir.ReadEndpoint()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := dial(ctx, dir, e)
	if err != nil {
		return ctx.Err() != nil
	}
	conn.Close()
	return true
}

// dial connects to the daemon of an endpoint that was read from dir.
func dial(ctx context.Context, dir *rundir.Dir, e *rundir.Endpoint) (net.Conn, error) {
	address, release, err := dir.SocketOf(e)
	if err != nil {
		return nil, err
	}
	defer release()
	conn, err := sock.Dial(ctx, e.Network, address)
	if err != nil && e.Network == "unix" && !dir.Holds(e) && e.Elsewhere() {
		return nil, &HiddenError{e, err}
	}
	return conn, err
}

// Greet dials the endpoint and authenticates both sides within the timeout. The hello lacks
// only the endpoint's own values. The welcome may say that the daemon takes no calls:
// because it drains or has too many clients, in which case it still answers Ask, or because
// it has no version in common or does not admit this user.
//
// The error is a *HiddenError, a *SilentError if no answer came in time, an error of dial, or
// one that matches wire.ErrAuth. It is context.DeadlineExceeded if ctx ended first. service
// says that dial has proved whose socket it is, so that a refusal without a proof counts.
// Greet may be called concurrently.
func Greet(ctx context.Context, dial DialFunc, e *rundir.Endpoint, hello wire.Hello, timeout time.Duration, service bool) (net.Conn, *wire.Reader, wire.Welcome, error) {
	deadline := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	silent := func() error {
		if time.Now().Before(deadline) {
			return context.DeadlineExceeded // the caller's context has ended, not the timeout
		}
		return &SilentError{e}
	}
	conn, err := dial(ctx, e)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) { // net may time out just before ctx does
			err = silent()
		}
		return nil, nil, wire.Welcome{}, hiddenOr(e, err)
	}
	conn.SetDeadline(deadline)
	uninterrupted := context.AfterFunc(ctx, func() { conn.Close() })
	reader := wire.NewReader(sock.Reader(conn), wire.MaxFrame)
	hello.Incarnation, hello.Address = e.Incarnation, wire.AddressText(e.Address)
	welcome, err := wire.Greet(reader, conn, e.Key, hello)
	var refused *wire.RefusedError
	var unproven *wire.UnprovenRefusalError
	switch {
	case !uninterrupted():
		err = silent()
	case service && errors.As(err, &unproven): // the kernel has named the directory's owner: see DialService
		welcome, err = unproven.Welcome, nil
	case errors.As(err, &refused):
		welcome, err = refused.Welcome, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = silent()
	}
	if err != nil {
		conn.Close()
		return nil, nil, wire.Welcome{}, hiddenOr(e, err)
	}
	conn.SetDeadline(time.Time{})
	return conn, reader, welcome, nil
}

// Ask sends a frame on a greeted connection and returns the daemon's answer: a reply, or an
// error frame. It drops frames of other kinds. The error says that the connection has ended.
func Ask(conn net.Conn, r *wire.Reader, question wire.Frame) (wire.Frame, error) {
	frame, err := question.Append(nil)
	if err == nil {
		_, err = conn.Write(frame)
	}
	for err == nil {
		var answer wire.Frame
		answer, err = r.Next()
		if err == nil && (answer.Kind == wire.KindReply || answer.Kind == wire.KindError) {
			return answer, nil
		}
	}
	return wire.Frame{}, err
}

// SilentError says that no greeting arrived in time from the address of the endpoint. The
// daemon or another process may listen there.
type SilentError struct{ Endpoint *rundir.Endpoint }

// Error names the process.
func (e *SilentError) Error() string { return fmt.Sprintf("process %d did not greet", e.Endpoint.PID) }

// HiddenError says that this process cannot reach the address of an endpoint because the
// daemon is in another namespace.
type HiddenError struct {
	Endpoint *rundir.Endpoint
	Err      error
}

// Error says what each side sees, and the remedies.
func (e *HiddenError) Error() string {
	at := e.Endpoint
	if at.Network == "tcp" {
		return fmt.Sprintf("process %d listens on %s in the network namespace %s, this process is in %s: %v; start both in one network namespace, use TransportUnix, or choose another Config.Name for this one",
			at.PID, at.Address, at.Net, rundir.NetworkNamespace(), e.Err)
	}
	return fmt.Sprintf("process %d listens on %s, whose directory this process, in another mount namespace, does not see: %v; mount that directory here as well, or set LOOPGEN_DIR or ScopeDir, in the daemon's programs too, to a directory that both see",
		at.PID, at.Address, e.Err)
}

// Unwrap returns Err.
func (e *HiddenError) Unwrap() error { return e.Err }

// hiddenOr returns err, why greeting the daemon of e failed. It wraps err in a *HiddenError
// if the port of e is in another network namespace: here any process may listen on it.
func hiddenOr(e *rundir.Endpoint, err error) error {
	if e.Network == "tcp" && e.Elsewhere() {
		return &HiddenError{e, err}
	}
	return err
}
