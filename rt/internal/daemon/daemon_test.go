package daemon

import (
	"log/slog"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// still is an object with a method that returns at once.
type still struct{}

func (*still) Ping() {}

// newStill returns a daemon with a still, for connections over pipes. Within synctest its
// idle time and deadlines pass at once.
func newStill(t *testing.T, idleTTL time.Duration) *Daemon {
	svc := &stub.Service{Name: "still", Methods: []stub.Method{{Name: "Ping", Func: (*still).Ping, Serve: func(run *stub.Run, target any) {
		if run.Begin() {
			target.(*still).Ping()
		}
	}}}}
	d := New(svc, Options{IdleTTL: idleTTL, Log: slog.New(slog.DiscardHandler), Exhausted: func() string { return "no descriptors" }})
	d.object = &still{}
	d.SetIdentity(Identity{Incarnation: "i", Address: "a"})
	d.Open()
	go func() { // ends when the daemon shuts down
		<-d.shuttingDown
		d.FinishShutdown()
		d.CloseConns()
	}()
	t.Cleanup(func() {
		d.BeginShutdown("the test is over", true)
		time.Sleep(time.Minute) // of the bubble's time: all its goroutines have ended by then
	})
	return d
}

// dial returns a connection past the handshake.
func (d *Daemon) dial(t *testing.T) (net.Conn, *wire.Reader) {
	t.Helper()
	ours, theirs := net.Pipe()
	go d.ServeConn(theirs, Peer{})
	r := wire.NewReader(ours, 1<<20)
	e := d.identity.Load()
	if _, err := wire.Greet(r, ours, e.Key, wire.Hello{Incarnation: e.Incarnation, Address: e.Address, PID: os.Getpid()}); err != nil {
		t.Fatal(err)
	}
	return ours, r
}

// TestStalledFrame shows that a connection with an unfinished frame is closed after 10 s,
// and does not keep the daemon running. Silence between frames may last.
func TestStalledFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, time.Second)
		conn, r := d.dial(t)
		defer conn.Close()
		time.Sleep(time.Hour)
		ping, err := (&wire.Frame{Kind: wire.KindCall, ID: 1, Body: []byte{0x80}}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(ping); err != nil {
			t.Fatalf("after an hour's silence: %v", err)
		}
		if f, err := r.Next(); err != nil || f.Kind != wire.KindReply {
			t.Fatalf("after an hour's silence: %v, %v", f.Kind, err)
		}
		began := time.Now()
		if _, err := conn.Write(ping[:7]); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err == nil {
			t.Fatal("half a frame was answered")
		}
		if took := time.Since(began); took != wire.FrameTime(0) {
			t.Errorf("closed after %v, want %v", took, wire.FrameTime(0))
		}
		<-d.shuttingDown
		if took := time.Since(began); took != wire.FrameTime(0)+time.Second {
			t.Errorf("the daemon shut down after %v, want the idle time later", took)
		}
	})
}

// E02. A daemon with a short idle time waits longer for its first client, and is
// there when that comes late.
func TestFirstClientMayBeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStill(t, 100*time.Millisecond)
		time.Sleep(2500 * time.Millisecond)
		conn, _ := d.dial(t)
		time.Sleep(time.Hour)
		synctest.Wait()
		if d.shutdownReason != "" {
			t.Fatal("the daemon shut down although a client is connected")
		}
		closed := time.Now()
		conn.Close()
		<-d.shuttingDown
		if took := time.Since(closed); took != 100*time.Millisecond {
			t.Errorf("the daemon shut down %v after its last client, want 100ms", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		born := time.Now()
		d := newStill(t, 100*time.Millisecond)
		<-d.shuttingDown
		if took := time.Since(born); took != d.limits.firstClientGrace {
			t.Errorf("without any client the daemon shut down after %v, want %v", took, d.limits.firstClientGrace)
		}
	})
}
