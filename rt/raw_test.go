//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/testdata/objects"
)

// silence is how long a raw peer waits for the daemon before the test fails:
// longer than any limit that the daemon keeps on a connection that it closes.
const silence = time.Minute

// raw is a client that speaks frames and keeps no rule by itself.
type raw struct {
	conn     net.Conn
	reader   *wire.Reader
	endpoint *rundir.Endpoint
}

// dial connects to the daemon of a's clients and says nothing.
func (a singleton) dial(t testing.TB) *raw {
	t.Helper()
	e := a.endpoint(t)
	conn, err := net.Dial(e.Network, e.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		t.Fatal(err)
	}
	return &raw{conn, wire.NewReader(conn, wire.MaxFrame), e}
}

// greet connects to the daemon of a's clients and is admitted.
func (a singleton) greet(t testing.TB) *raw {
	t.Helper()
	r := a.dial(t)
	if _, err := wire.Greet(r.reader, r.conn, r.endpoint.Key, r.hello()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *raw) hello() wire.Hello {
	return wire.Hello{
		MinVersion: wire.MinVersion, MaxVersion: wire.MaxVersion,
		Incarnation: r.endpoint.Incarnation, Address: r.endpoint.Address,
		Session: "raw", PID: os.Getpid(),
	}
}

// method returns the daemon's number of a method.
func (r *raw) method(t testing.TB, name string) uint16 {
	t.Helper()
	for _, m := range r.endpoint.Methods {
		if m.Name == name {
			return uint16(m.Number)
		}
	}
	t.Fatalf("the daemon has no method %s", name)
	return 0
}

// call returns the frame of a call.
func (r *raw) call(t testing.TB, id uint64, name string, args ...any) wire.Frame {
	t.Helper()
	if args == nil {
		args = []any{}
	}
	return wire.Frame{Kind: wire.KindCall, Method: r.method(t, name), ID: id, Body: marshal(t, args)}
}

// write sends bytes as they are.
func (r *raw) write(t testing.TB, b []byte) {
	t.Helper()
	if _, err := r.conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

func (r *raw) send(t testing.TB, frames ...wire.Frame) {
	t.Helper()
	var b []byte
	for _, f := range frames {
		b = append(b, encoded(t, f)...)
	}
	r.write(t, b)
}

// next returns the daemon's next frame.
func (r *raw) next(t testing.TB) wire.Frame {
	t.Helper()
	f, err := r.reader.Next()
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return f
}

// failure returns the code of the next frame, which must be an error frame for
// an id.
func (r *raw) failure(t testing.TB, id uint64) wire.Failure {
	t.Helper()
	frame := r.next(t)
	f, err := wire.ParseFailure(frame.Body)
	if frame.Kind != wire.KindError || err != nil || frame.ID != id {
		t.Fatalf("got a %v frame for %d (%v), want an error frame for %d", frame.Kind, frame.ID, err, id)
	}
	return f
}

// value returns the one integer in the next frame, which must be a reply.
func (r *raw) value(t testing.TB, id uint64) int {
	t.Helper()
	frame := r.next(t)
	if frame.Kind != wire.KindReply || frame.ID != id {
		f, _ := wire.ParseFailure(frame.Body)
		t.Fatalf("got a %v frame for %d (%+v), want a reply for %d", frame.Kind, frame.ID, f, id)
	}
	var results []int
	if err := wire.Unmarshal(frame.Body, &results); err != nil || len(results) != 1 {
		t.Fatalf("results %v, %v; want one integer", results, err)
	}
	return results[0]
}

// closed waits until the daemon closes the connection, and returns what it
// said before that.
func (r *raw) closed(t testing.TB) []byte {
	t.Helper()
	said, err := io.ReadAll(r.conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the daemon did not close the connection within %v", silence)
	}
	return said // a reset is an end, too
}

// recorder keeps what is written through it.
type recorder struct {
	io.Writer
	written bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) {
	r.written.Write(b)
	return r.Writer.Write(b)
}

// shutDown makes a's daemon leave, in the background, and returns when its log
// says that it does; wait returns what Shutdown returned.
func (a singleton) shutDown(t *testing.T) (wait func() error) {
	t.Helper()
	shared, done := share(t, a), make(chan error, 1)
	log := a.endpoint(t).Log
	go func() { done <- shared.Shutdown(context.Background(), rt.ShutdownDrain) }()
	eventually(t, "it is leaving", func() bool { return fileContains(log, `msg="shutting down"`) })
	wait = sync.OnceValue(func() error { return <-done })
	t.Cleanup(func() { wait() }) // it looks into the directory until the end
	return wait
}

func mustConnect(t testing.TB, shared *counterShared) *objects.CounterClient {
	t.Helper()
	c, err := shared.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type counterShared = rt.Shared[*objects.CounterClient, *objects.CounterProxy]
