package inspect

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// A daemon that was built before there were questions answers all of them with its status,
// which has no parameters and no types.
func TestOlderDaemon(t *testing.T) {
	base, err := os.MkdirTemp("", "lg") // a short path, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	path := filepath.Join(base, "older-0123456789abcdef")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	address := filepath.Join(path, "s-0")
	listener, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	e := &rundir.Endpoint{Network: "unix", Address: address, Incarnation: "0", PID: os.Getpid()}
	go func() { // ends when the listener is closed
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			answerOlder(conn, e)
		}
	}()
	d := &Daemon{Name: "older", PID: e.PID, State: Running, Dir: path, dir: rundir.At(path), endpoint: e}
	if s, err := d.Status(t.Context()); err != nil || s.PID != 71 {
		t.Errorf("status: got %+v, %v", s, err)
	}
	if list, err := d.Stacks(t.Context()); !errors.Is(err, errNoStacks) || !strings.Contains(err.Error(), "restart it with a newer build") {
		t.Errorf("stacks: got %v, %v", list, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Stacks(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
}

// answerOlder answers each frame on a connection with a status.
func answerOlder(conn net.Conn, e *rundir.Endpoint) {
	defer conn.Close()
	reader := wire.NewReader(conn, wire.MaxFrame)
	id := wire.Identity{Incarnation: e.Incarnation, Address: wire.AddressText(e.Address)}
	if _, _, err := wire.Admit(reader, conn, e.Key, id, func(wire.Hello) wire.Welcome {
		return wire.Welcome{Code: wire.WelcomeOK, Calls: 1, Bytes: 1 << 20, Frame: 1 << 20}
	}); err != nil {
		return
	}
	for {
		f, err := reader.Next()
		if err != nil {
			return
		}
		body, err := wire.Marshal(rt.Status{PID: 71, Methods: []rt.MethodStatus{{Name: "Inc", Signature: "func() int"}}})
		if err != nil {
			return
		}
		reply := wire.Frame{Kind: wire.KindReply, ID: f.ID, Body: body}
		answer, err := reply.Append(nil)
		if err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}
