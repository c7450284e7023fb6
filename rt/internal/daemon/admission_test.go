package daemon

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/sock"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// TestSilentConnectionIsClosed shows that a silent connection is closed after two seconds,
// and does not keep the daemon running.
func TestSilentConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Millisecond)
		ours, theirs := net.Pipe()
		began := time.Now()
		go d.ServeConn(theirs, Peer{})
		if n, err := ours.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d bytes, %v; want an end without a byte", n, err)
		}
		if took := time.Since(began); took != d.limits.handshake {
			t.Errorf("closed after %v, want %v", took, d.limits.handshake)
		}
	})
}

// TestLimitClients shows that one connection more than limits.clients may only observe, and
// that one more than limits.observers is closed.
func TestLimitClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		d.limits.clients, d.limits.observers = 2, 1
		e := d.identity.Load()
		greet := func() (net.Conn, *wire.Reader, error) {
			ours, theirs := net.Pipe()
			go d.ServeConn(theirs, Peer{})
			r := wire.NewReader(ours, 1<<20)
			_, err := wire.Greet(r, ours, e.Key, wire.Hello{Incarnation: e.Incarnation, Address: e.Address})
			return ours, r, err
		}
		for range 2 {
			conn, _, err := greet()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		conn, r, err := greet()
		var refused *wire.RefusedError
		if !errors.As(err, &refused) || refused.Welcome.Code != wire.WelcomeTooManyClients {
			t.Fatalf("the third connection: %v, want a refusal", err)
		}
		defer conn.Close()
		mustWrite(t, conn, callFrame(t, 1))
		if f, err := r.Next(); err != nil || f.Kind != wire.KindError {
			t.Errorf("its call: a %v frame, %v; want an error", f.Kind, err)
		}
		status, err := (&wire.Frame{Kind: wire.KindStatus, ID: 2}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, conn, status)
		if f, err := r.Next(); err != nil || f.Kind != wire.KindReply {
			t.Errorf("its status request: a %v frame, %v; want the status", f.Kind, err)
		}
		conn, r, _ = greet()
		if f, err := r.Next(); err == nil {
			t.Errorf("the fourth got a %v frame", f.Kind)
		}
		conn.Close()
		synctest.Wait()
		if n := d.connCount(); n != 3 {
			t.Errorf("%d are past the handshake, want 3", n)
		}
	})
}

// TestLimitUnauthenticated shows that the oldest of too many unauthenticated connections is
// closed at once, and the others after limits.handshake.
func TestLimitUnauthenticated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		d.limits.unauthenticated = 3
		began := time.Now()
		closed := make([]time.Duration, 5)
		var all sync.WaitGroup
		for i := range closed {
			ours, theirs := net.Pipe()
			go d.ServeConn(theirs, Peer{})
			synctest.Wait()
			all.Go(func() {
				io.Copy(io.Discard, ours)
				closed[i] = time.Since(began)
			})
		}
		all.Wait()
		want := []time.Duration{0, 0, d.limits.handshake, d.limits.handshake, d.limits.handshake}
		if !slices.Equal(closed, want) {
			t.Errorf("closed after %v, want %v", closed, want)
		}
	})
}

// bare is a listener of a process without free descriptors.
type bare struct {
	net.Listener
	asked  int
	closed atomic.Bool
}

func (l *bare) Accept() (net.Conn, error) {
	if l.closed.Load() {
		return nil, net.ErrClosed
	}
	l.asked++
	return nil, syscall.EMFILE
}

// TestLimitAcceptPause shows that a daemon without free descriptors pauses between its
// attempts to accept.
func TestLimitAcceptPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Hour)
		l := &bare{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.AcceptAll(l, func(net.Conn) (Peer, error) { return Peer{}, nil })
		}()
		time.Sleep(10*time.Second + d.limits.acceptPause/2)
		synctest.Wait()
		// The daemon tries at once with each descriptor of its reserve.
		if want := int(10*time.Second/d.limits.acceptPause) + 1; l.asked < want || l.asked > want+sock.MaxSpareDescriptors {
			t.Errorf("in 10s it tried %d times, want %d, and up to %d with the reserve", l.asked, want, sock.MaxSpareDescriptors)
		}
		l.closed.Store(true)
		<-done
	})
}
