//go:build unix

package sock

import (
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// CatchUp returns once every byte that had arrived before is handled, and not earlier. That
// includes part of a frame, and excludes bytes that arrive later.
func TestCatchUpWaitsForWhatHasCome(t *testing.T) {
	client, conn := connected(t)
	in := NewIntake(conn)
	in.CatchUp() // nothing has arrived

	if _, err := client.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	caught := make(chan bool, 1)
	go func() {
		in.CatchUp()
		caught <- true
	}()
	for in.waiters.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	not := func(what string) {
		t.Helper()
		select {
		case <-caught:
			t.Errorf("it did not wait for %s", what)
		default:
		}
	}
	b := make([]byte, 60)
	for _, what := range []string{"the first read", "the second", "the processing of the second"} {
		not(what)
		if what == "the processing of the second" {
			break
		}
		if _, err := io.ReadAtLeast(in, b[:50], 50); err != nil {
			t.Fatal(err)
		}
	}
	go in.Read(b) // everything before is handled; nothing more arrives
	<-caught
	client.Close()
}

// Close wakes calls that wait in CatchUp.
func TestCatchUpEndsWithTheConnection(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	in := NewIntake(ours)
	in.Close()
	in.CatchUp()
}

// connected returns both ends of a connection, which are closed at the end of the test.
func connected(t *testing.T) (client, conn net.Conn) {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err == nil {
		defer ln.Close()
		client, err = net.Dial("unix", ln.Addr().String())
	}
	if err == nil {
		t.Cleanup(func() { client.Close() })
		conn, err = ln.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client, conn
}
