//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

func init() {
	addRole("from the future", playFuture)
}

// C16. A stopped daemon is not dead and is not replaced. The clients' errors name in time
// the process to continue, and then it serves again.
func TestStoppedDaemon(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		a = a.witnessed()
		c := connect(t, a)
		e := a.endpoint(t)
		resume := a.stop(t)
		defer resume()
		const limit = 200 * time.Millisecond
		other := share(t, a, func(c *rt.Config) { c.ConnectTimeout, c.StartTimeout = limit, time.Minute })
		began := time.Now()
		_, err := other.Connect(t.Context())
		if !errors.Is(err, rt.ErrUnresponsive) || !strings.Contains(err.Error(), strconv.Itoa(e.PID)) {
			t.Errorf("Connect returned %v, want %v with pid %d", err, rt.ErrUnresponsive, e.PID)
		}
		if took := time.Since(began); took < limit || took > 30*time.Second {
			t.Errorf("with a ConnectTimeout of %v that took %v", limit, took)
		}
		resume()
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("after SIGCONT: %d, %v", n, err)
		}
		if n, err := mustConnect(t, other).Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("after SIGCONT, who was told: %d, %v", n, err)
		}
		if now := a.endpoint(t); now.PID != e.PID {
			t.Errorf("another daemon was started: %d, not %d", now.PID, e.PID)
		}
		if births := a.births(t); births != 1 {
			t.Errorf("%d objects were made, want 1", births)
		}
	})
}

// C16. Many clients of a stopped daemon all get ErrUnresponsive in time.
func TestStoppedDaemonAndManyClients(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		connect(t, a)
		defer a.stop(t)()
		began := time.Now()
		var all sync.WaitGroup
		const clients, limit = 40, time.Second
		for range clients {
			all.Go(func() {
				_, err := share(t, a, func(c *rt.Config) { c.ConnectTimeout, c.StartTimeout = limit, time.Minute }).Connect(context.Background())
				if !errors.Is(err, rt.ErrUnresponsive) {
					t.Errorf("got %v, want %v", err, rt.ErrUnresponsive)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > clients/2*limit { // one after the other they would need twice that
			t.Errorf("with a ConnectTimeout of %v that took %v", limit, took)
		}
	})
}

// C18. A daemon that runs out of descriptors serves the clients it has, and others again
// when there are descriptors.
func TestDaemonOutOfDescriptors(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		holder := command(t, "hold", a, withShell("ulimit -n 40"))
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		defer holder.Wait()
		defer holder.Process.Kill()
		eventually(t, "it serves", func() bool {
			s, err := share(t, a).Status(context.Background())
			return err == nil && len(s.Clients) == 1
		})
		c := connect(t, a)
		e := a.endpoint(t)
		var admitted []*raw
		for range 60 {
			r := a.dial(t)
			r.write(t, opening(t, r.hello()))
			admitted = append(admitted, r)
		}
		eventually(t, "it is out of descriptors", func() bool { return fileContains(e.Log, "too many open files") })
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("who was there before: %d, %v", n, err)
		}
		for _, r := range admitted {
			r.conn.Close()
		}
		eventually(t, "there is room again", func() bool {
			err := share(t, a).EnsureStarted(t.Context())
			if err != nil && !errors.Is(err, rt.ErrTooManyClients) {
				t.Fatal(err)
			}
			return err == nil
		})
		if n, err := connect(t, a).Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("who came after: %d, %v", n, err)
		}
		if now := a.endpoint(t).PID; now != e.PID {
			t.Errorf("the daemon is %d, not %d", now, e.PID)
		}
	})
}

// A daemon without descriptors says so, and what its limit is, to each client that it
// cannot admit, and still answers Status.
func TestClientsBeyondTheDescriptorLimit(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		holder := command(t, "hold", a, withShell("ulimit -n 24"))
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		defer holder.Wait()
		defer holder.Process.Kill()
		eventually(t, "it serves", func() bool {
			s, err := share(t, a).Status(context.Background())
			return err == nil && len(s.Clients) == 1
		})
		pid := a.endpoint(t).PID
		want := fmt.Sprintf("too many clients: the daemon (pid %d) has no descriptors left: its limit on open files is 24, inherited from the client that started it: ", pid)
		refused := func(err error) bool {
			if err == nil {
				return false
			}
			if !errors.Is(err, rt.ErrTooManyClients) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q in it", err, want)
			}
			return true
		}
		var admitted []*counterShared
		for {
			shared := share(t, a)
			if refused(shared.EnsureStarted(t.Context())) {
				break
			}
			admitted = append(admitted, shared)
		}
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				if err := share(t, a).EnsureStarted(t.Context()); !refused(err) {
					t.Error("a client was admitted without a descriptor for it")
				}
			})
		}
		all.Wait()
		s, err := share(t, a).Status(t.Context())
		if err != nil || s.PID != pid || len(s.Clients) != len(admitted)+1 {
			t.Errorf("Status: %d clients of process %d, %v; want %d of %d", len(s.Clients), s.PID, err, len(admitted)+1, pid)
		}
		if len(admitted) == 0 {
			t.Fatal("no client was admitted")
		}
		admitted[0].Close()
		eventually(t, "there is room again", func() bool { return !refused(share(t, a).EnsureStarted(t.Context())) })
	})
}

// C19. The daemon admits a limited number of clients. The next one's error says why, and
// that its call was not sent. The others do not notice.
func TestTooManyClients(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	late := connect(t, a)
	a.kill(t)
	c := connect(t, a)
	first := a.greet(t)
	for range 1022 {
		a.greet(t)
	}
	_, err := share(t, a).Connect(t.Context())
	if !errors.Is(err, rt.ErrTooManyClients) {
		t.Errorf("one too many was told: %v; want %v", err, rt.ErrTooManyClients)
	}
	_, err = late.Inc(t.Context())
	callError(t, err, rt.OutcomeNotSent)
	if !errors.Is(err, rt.ErrTooManyClients) {
		t.Errorf("a call of one too many: %v; want %v", err, rt.ErrTooManyClients)
	}
	if n, err := c.Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the first: %d, %v", n, err)
	}
	if s, err := share(t, a).Status(t.Context()); err != nil || len(s.Clients) != 1024 {
		t.Errorf("Status of a full daemon: %d clients, %v", len(s.Clients), err)
	}
	first.conn.Close()
	eventually(t, "there is room again", func() bool {
		n, err := late.Inc(context.Background())
		return err == nil && n == 2
	})
}

// C20. An endpoint of a later version is not an absent one.
func TestEndpointOfAnotherVersion(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	d, err := rundir.Open(a.Dir, a.Name)
	if err == nil {
		err = os.WriteFile(filepath.Join(d.Path(), "endpoint"), []byte("loopgen 2\nwhatever\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := share(t, a).Connect(t.Context()); !errors.Is(err, rt.ErrIncompatible) {
		t.Errorf("got %v, want %v", err, rt.ErrIncompatible)
	}
	if a.alive(t) {
		t.Error("a daemon was started beside another version's")
	}
}

// patient lets a client retry for so long that a test tells a retry from a slow
// machine.
func patient(c *rt.Config) { c.StartTimeout = time.Minute }

// C22. A client with other arguments, or another type, gets an error at once. The order of a
// map is no difference.
func TestConfigMismatch(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Start: 5, Tags: map[string]string{"a": "1", "b": "2"}}}
	if n, err := connect(t, a).Inc(t.Context()); n != 6 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	same := a
	same.Options.Tags = map[string]string{"b": "2", "a": "1"}
	if n, err := connect(t, same).Inc(t.Context()); n != 7 || err != nil {
		t.Errorf("the same configuration, in another order: %d, %v", n, err)
	}
	other := a
	other.Options.Start = 6
	began := time.Now()
	_, err := share(t, other, patient).Connect(t.Context())
	if !errors.Is(err, rt.ErrConfigMismatch) {
		t.Errorf("another configuration: %v, want %v", err, rt.ErrConfigMismatch)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v to say so: it was retried", took)
	}
	if s, err := share(t, other).Status(t.Context()); err != nil || s.Calls != 2 {
		t.Errorf("Status with another configuration: %+v, %v", s, err)
	}
	vault := objects.ShareVault(a.config())
	defer vault.Close()
	if _, err := vault.Connect(t.Context()); !errors.Is(err, rt.ErrIncompatible) {
		t.Errorf("another type of the same name: %v, want %v", err, rt.ErrIncompatible)
	}
	if err := vault.Shutdown(t.Context(), rt.ShutdownDrain); !errors.Is(err, rt.ErrIncompatible) {
		t.Errorf("Shutdown with another type: %v, want %v", err, rt.ErrIncompatible)
	}
	if err := share(t, other).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Errorf("Shutdown with another configuration: %v", err)
	}
	if n, err := connect(t, other).Inc(t.Context()); n != 7 || err != nil {
		t.Errorf("after a shutdown: %d, %v", n, err)
	}
}

// C20. A daemon of another version of the protocol is left alone, and the error names
// both versions. testdata/script/skew_two_builds.txtar and skew_type.txtar show methods
// that differ.
func TestDaemonOfAnotherProtocol(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
	daemon := start(t, "from the future", a)
	daemon.says(t, "serving")
	began := time.Now()
	_, err := share(t, a, patient).Connect(t.Context())
	if !errors.Is(err, rt.ErrIncompatible) {
		t.Fatalf("got %v, want %v", err, rt.ErrIncompatible)
	}
	if said := err.Error(); !strings.Contains(said, "98-99") || !strings.Contains(said, fmt.Sprintf("%d-%d", wire.MinVersion, wire.MaxVersion)) {
		t.Errorf("%v does not name both versions", err)
	}
	if _, err := share(t, a).Status(t.Context()); !errors.Is(err, rt.ErrIncompatible) {
		t.Errorf("Status: %v, want %v", err, rt.ErrIncompatible)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if births := a.births(t); births != 0 {
		t.Errorf("%d objects were made beside the daemon that lives", births)
	}
	daemon.cmd.Process.Kill()
	eventually(t, "it is dead", func() bool { return !a.alive(t) })
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("when it is gone: %d, %v", n, err)
	}
}

// playFuture is a daemon that speaks only later versions of the protocol.
func playFuture(ctx context.Context, _ *counterShared, a args) (any, error) {
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		return nil, err
	}
	life, err := d.AcquireDaemonLock(ctx)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &rundir.Endpoint{Network: "tcp", Address: ln.Addr().String(), Incarnation: "0011223344556677", PID: os.Getpid(), MinProtocol: 98, MaxProtocol: 99, Host: rundir.HostID(), Boot: rundir.BootID(),
		Name: a.Name, Scope: string(rt.ScopeDir(a.Dir)), Service: "github.com/loopgen/loopgen/testdata/objects.Counter"}
	if err := life.Publish(e); err != nil {
		return nil, err
	}
	fmt.Println("serving")
	id := wire.Identity{Incarnation: e.Incarnation, Address: e.Address, MinVersion: 98, MaxVersion: 99}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return nil, err
		}
		wire.Admit(wire.NewReader(conn, wire.MaxFrame), conn, e.Key, id, func(wire.Hello) wire.Welcome { panic("a version in common") })
		conn.Close()
	}
}

// C21. Two programs that differ, but not in the type's methods, share one daemon. Either
// may start it.
func TestTwoBinariesShareADaemon(t *testing.T) {
	t.Parallel()
	needs(t, "programs that bytes may be appended to: Linux", runtime.GOOS == "linux")
	image, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, append(image, "another build"...), 0o700); err != nil {
		t.Fatal(err)
	}
	eachTransport(t, func(t *testing.T, a singleton) {
		a = a.witnessed()
		want := 0
		increment := func(program string) (build string) {
			want++
			cmd := command(t, "increment", a, withN(1))
			cmd.Path = program
			if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != fmt.Sprintf("[%d]", want) {
				t.Errorf("%s: %s, %v; want [%d]", filepath.Base(program), out, err, want)
			}
			return a.endpoint(t).Build
		}
		builds := map[string]bool{}
		for _, first := range []string{os.Args[0], other} {
			for _, program := range []string{first, os.Args[0], other} {
				builds[increment(program)] = true
			}
			if err := share(t, a).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
				t.Fatal(err)
			}
			want = 0
		}
		if births := a.births(t); births != 2 || len(builds) != 2 {
			t.Errorf("%d daemons of %d builds, want 2 and 2", births, len(builds))
		}
	})
}
