package rt_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
)

// A daemon that was shut down exits with status 0. The process that adopted it from the
// client that started it gets the status.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Skip("no way to adopt a daemon here: ", err)
	}
	for _, mode := range []rt.ShutdownMode{rt.ShutdownDrain, rt.ShutdownNow} {
		a := singleton{Dir: rttest.Dir(t), Name: "c"}
		spawner := start(t, "hold", a)
		spawner.says(t, "connected")
		pid := a.endpoint(t).PID
		spawner.cmd.Process.Kill()
		spawner.cmd.Wait()
		if err := share(t, a).Shutdown(context.Background(), mode); err != nil {
			t.Fatal(err)
		}
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || !status.Exited() || status.ExitStatus() != 0 {
			t.Errorf("mode %v: exit status %v, %v; want 0", mode, status, err)
		}
	}
}

// E19. A process that started daemons keeps one goroutine for each live daemon, and
// nothing of dead ones.
func TestNoZombies(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	const daemons = 8
	begin := func(a singleton) {
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		shared.Close()
	}
	dir := rttest.Dir(t)
	name := func(i int) singleton { return singleton{Dir: dir, Name: string(rune('a' + i)), IdleTTL: -1} }
	begin(name(daemons))
	eventually(t, "the connection's goroutines have ended", func() bool { return runtime.NumGoroutine() <= 8 })
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	for i := range daemons {
		begin(name(i))
	}
	most := 0
	eventually(t, "one goroutine for each daemon", func() bool {
		most++
		now := runtime.NumGoroutine()
		if most > 500 {
			t.Fatalf("%d goroutines for %d daemons, %d before", now, daemons, goroutines)
		}
		return now <= goroutines+daemons
	})
	if now := openDescriptors(t); now > descriptors {
		t.Errorf("%d descriptors, %d before", now, descriptors)
	}
	for i := range daemons + 1 {
		pid := name(i).endpoint(t).PID
		name(i).kill(t)
		eventually(t, "no zombie is left", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	}
}

// E03. A client that has not read yet when the daemon closes, and still sends, loses
// nothing that the daemon has acknowledged.
func TestLingeringClose(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := a.greet(t)
		r.send(t, r.call(t, 1, "Bytes", 32<<10)) // the kernel has room for the reply
		eventually(t, "the call has run", func() bool {
			s, err := shared.Status(context.Background())
			return err == nil && s.Calls == 1
		})
		down := a.shutDown(t)
		eventually(t, "the daemon has said all", func() bool { return halfClosed(t, r.conn) })
		for id := range uint64(20) {
			r.send(t, r.call(t, id+2, "Inc"))
		}
		kinds := map[wire.Kind]int{}
		for range 2 { // in either order
			f := r.next(t)
			if kinds[f.Kind]++; f.Kind == wire.KindReply && (f.ID != 1 || len(f.Body) < 32<<10) {
				t.Errorf("a reply of %d bytes for %d", len(f.Body), f.ID)
			}
		}
		if kinds[wire.KindReply] != 1 || kinds[wire.KindGoingAway] != 1 {
			t.Errorf("got %v, want the reply and going-away", kinds)
		}
		if f, err := r.reader.Next(); err != io.EOF {
			t.Errorf("then %v, %v; want %v", f.Kind, err, io.EOF)
		}
		r.conn.Close()
		if err := down(); err != nil {
			t.Error(err)
		}
	})
}

// halfClosed reports whether the peer has ended its side, read or not.
func halfClosed(t *testing.T, conn net.Conn) (closed bool) {
	t.Helper()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
			unix.Poll(poll, 0)
			closed = poll[0].Revents&unix.POLLRDHUP != 0
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return closed
}
