package sock

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// full returns a listener whose backlog is full, and a function that accepts
// connections from then on.
func full(t *testing.T, network, address string) (ln net.Listener, accept func()) {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	raw, err := ln.(syscall.Conn).SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			if err := unix.Listen(int(fd), 1); err != nil {
				t.Error(err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	for tried := 0; ; tried++ {
		conn, err := net.DialTimeout(network, ln.Addr().String(), 50*time.Millisecond)
		if err != nil {
			break
		}
		t.Cleanup(func() { conn.Close() })
		if tried == 100 {
			t.Fatal("the backlog is never full")
		}
	}
	return ln, func() {
		go func() { // ends with the listener
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				conn.Close()
			}
		}()
	}
}

// Dial waits for a listener with a full backlog and connects soon after the listener
// accepts again, although the kernel repeats a TCP request only 1 s and 3 s after the
// first.
func TestDialWaitsWhileTheBacklogIsFull(t *testing.T) {
	t.Parallel()
	for network, address := range map[string]string{"unix": filepath.Join(t.TempDir(), "s"), "tcp": "127.0.0.1:0"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			ln, accept := full(t, network, address)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := Dial(ctx, network, ln.Addr().String()); err == nil || ctx.Err() == nil {
				t.Errorf("with a full backlog: %v, before its time was over", err)
			}
			found := make(chan error, 1)
			go func() {
				conn, err := Dial(t.Context(), network, ln.Addr().String())
				if err == nil {
					conn.Close()
				}
				found <- err
			}()
			select {
			case err := <-found:
				t.Fatalf("with a full backlog: %v", err)
			case <-time.After(1200 * time.Millisecond): // the kernel's next try is at 3 s
			}
			accept()
			began := time.Now()
			if err := <-found; err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 1500*time.Millisecond {
				t.Errorf("it was found %v after it accepted again", took)
			}
		})
	}
}

// Dial does not wait for a port on which no process listens.
func TestDialWithoutAListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := Dial(t.Context(), "tcp", ln.Addr().String()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("got %v, want %v", err, unix.ECONNREFUSED)
	}
}
