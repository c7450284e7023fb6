//go:build unix

package rt_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

func TestStatus(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		a.IdleTTL = time.Minute
		shared := share(t, a)
		if _, err := shared.Status(t.Context()); !errors.Is(err, rt.ErrNotRunning) {
			t.Errorf("without a daemon: %v, want %v", err, rt.ErrNotRunning)
		}
		if a.alive(t) {
			t.Fatal("Status started a daemon")
		}
		c, err := shared.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Inc(t.Context()); err != nil {
			t.Fatal(err)
		}
		open, result := gated(t, c)
		go c.Inc(context.Background())
		s := queued(t, a, 1)
		e := a.endpoint(t)
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the log says that it serves", func() bool { return fileContains(s.Log, "msg=serving") })
		for what, ok := range map[string]bool{
			"pid":         s.PID == e.PID && s.PID != os.Getpid(),
			"incarnation": s.Incarnation == e.Incarnation && s.Incarnation != "",
			"service":     strings.HasSuffix(s.Service, "objects.Counter"),
			"name":        s.Name == a.Name && s.Scope == string(rt.ScopeDir(a.Dir)),
			"executable":  s.Executable == exe,
			"network":     s.Network == map[rt.Transport]string{rt.TransportUnix: "unix", rt.TransportTCP: "tcp"}[a.Transport] && s.Address == e.Address,
			"uptime":      s.Uptime > 0 && time.Since(s.Started) < time.Minute,
			"idle":        s.IdleTTL == time.Minute && s.IdleLeft == time.Minute,
			"clients":     len(s.Clients) == 1 && s.Clients[0].PID == os.Getpid() && s.Clients[0].Calls == 4,
			"calls":       s.Calls == 2,
			"running":     len(s.Running) == 1 && s.Running[0].Method == "Enter" && s.Running[0].PID == os.Getpid() && s.Running[0].For > 0,
			"queued":      len(s.Queued) == 1 && s.Queued[0].Method == "Inc" && s.Queued[0].Mode == "exclusive",
			"methods": slices.ContainsFunc(s.Methods, func(m rt.MethodStatus) bool {
				return m.Name == "Value" && m.Mode == "shared" && m.Signature == "func() int"
			}),
			"inherited": s.Limits["nofile"] != "" && slices.Contains(s.Env, "PATH"),
		} {
			if !ok {
				t.Errorf("%s is wrong in %+v", what, s)
			}
		}
		open()
		if n, err := result(); err != nil || n == 0 {
			t.Errorf("the running call: %d, %v", n, err)
		}
	})
}

func fileContains(path, text string) bool {
	b, err := os.ReadFile(path)
	return err == nil && strings.Contains(string(b), text)
}

// When Shutdown returns, endpoint and socket are gone and the lock is free.
func TestShutdownLeavesNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := shared.Shutdown(t.Context(), rt.ShutdownNow); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the lock is free", func() bool { return !a.alive(t) })
		files, err := filepath.Glob(a.Dir + "/*/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if base := filepath.Base(f); base == "endpoint" || strings.HasPrefix(base, "s-") {
				t.Errorf("%s is still there", f)
			}
		}
	})
}

func TestShutdownNow(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		shared := share(t, a)
		c, err := shared.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		polite, hung := make(chan error, 1), make(chan error, 1)
		go func() { polite <- c.EnterContext(context.Background(), "polite") }()
		if err := c.Entered(t.Context(), "polite"); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := c.Stay(context.Background(), "hung")
			hung <- err
		}()
		if err := c.Entered(t.Context(), "hung"); err != nil {
			t.Fatal(err)
		}
		drained := make(chan error, 1)
		go func() { drained <- shared.Shutdown(context.Background(), rt.ShutdownDrain) }()
		eventually(t, "it waits for its calls", func() bool {
			s, err := shared.Status(context.Background())
			return err == nil && s.Leaving != "" && len(s.Running) == 2
		})
		if err := shared.Shutdown(t.Context(), rt.ShutdownNow); err != nil {
			t.Fatal(err)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if err := <-polite; err == nil || !strings.Contains(err.Error(), "leaves at once") {
			t.Errorf("a method that heeds its context: %v, want its own error", err)
		}
		callError(t, <-hung, rt.OutcomeUnknown)
	})
}

func TestIdle(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		a.IdleTTL = 100 * time.Millisecond
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		first := a.endpoint(t).PID
		observer := share(t, a)
		if s, err := observer.Status(t.Context()); err != nil || s.IdleLeft != a.IdleTTL {
			t.Errorf("with a client: idle time left %v, %v", s.IdleLeft, err)
		}
		// Several idle times pass. A client that does nothing keeps the daemon.
		for range 5 {
			<-time.After(a.IdleTTL)
			if !a.alive(t) {
				t.Fatal("the daemon left although a client is connected")
			}
		}
		shared.Close()
		// Looking at it does not keep it.
		eventually(t, "the idle daemon has left", func() bool {
			_, err := observer.Status(context.Background())
			return errors.Is(err, rt.ErrNotRunning)
		})
		if _, err := connect(t, a).Inc(t.Context()); err != nil {
			t.Fatal(err)
		}
		if second := a.endpoint(t).PID; second == first {
			t.Errorf("the next daemon has the same pid, %d", second)
		}
	})
}

func TestOnRestartRefuses(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	refusal := errors.New("I need the old one")
	var accept atomic.Bool
	c := connect(t, a, func(c *rt.Config) {
		c.OnRestart = func(old, new string) error {
			if accept.Load() {
				return nil
			}
			return refusal
		}
	})
	a.kill(t)
	_, err := c.Inc(t.Context())
	callError(t, err, rt.OutcomeNotSent)
	if !errors.Is(err, refusal) {
		t.Errorf("got %v, want the refusal", err)
	}
	accept.Store(true)
	if n, err := c.Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("once accepted: %d, %v", n, err)
	}
}

func TestSurroundings(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	t.Setenv("SSH_TTY", "/dev/pts/9")
	t.Setenv("TMUX_PANE", "%1")
	t.Setenv("MY_SETTING", "kept")
	s, err := connect(t, a).Environment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for what, ok := range map[string]bool{
		"directory": s.Dir == "/",
		"session":   s.Session == s.PID,
		"umask":     s.Umask == 0o077,
		"kept":      slices.Contains(s.Env, "MY_SETTING=kept") && slices.Contains(s.Env, "PWD=/"),
		"scrubbed":  !slices.ContainsFunc(s.Env, func(e string) bool { return strings.HasPrefix(e, "SSH_") || strings.HasPrefix(e, "TMUX") }),
		"marker":    !slices.ContainsFunc(s.Env, func(e string) bool { return strings.HasPrefix(e, "LOOPGEN_DAEMON") }),
	} {
		if !ok {
			t.Errorf("%s: %+v", what, s)
		}
	}
	own := singleton{Dir: rttest.Dir(t), Name: "c"}
	s, err = connect(t, own, func(c *rt.Config) { c.Env = []string{"ONLY=this"} }).Environment(t.Context())
	if err != nil || !slices.Equal(s.Env, []string{"ONLY=this"}) {
		t.Errorf("Config.Env: %q, %v", s.Env, err)
	}
}

func TestInProcess(t *testing.T) {
	t.Setenv("LOOPGEN_MODE", "inprocess")
	a := singleton{Dir: rttest.Dir(t), Name: t.Name(), IdleTTL: 10 * time.Millisecond}
	shared := share(t, a)
	c, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Environment(t.Context()); err != nil || s.PID != os.Getpid() {
		t.Errorf("the object is in process %d, this is %d, %v", s.PID, os.Getpid(), err)
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := c.Inc(t.Context()); n != 2 || err != nil {
		t.Errorf("another Shared of the same name: %d, %v; want one object", n, err)
	}
	if _, err := c.Check(t.Context(), "sentinel"); err != objects.ErrNegative {
		t.Errorf("got %v", err)
	}
	if s, err := shared.Status(t.Context()); err != nil || s.PID != os.Getpid() || len(s.Clients) != 2 {
		t.Errorf("status %+v, %v", s, err)
	}
	bad := a
	bad.Name += "-bad"
	bad.Options.Fail = "panic"
	var p *rt.PanicError
	if _, err := share(t, bad).Connect(t.Context()); !errors.As(err, &p) {
		t.Errorf("a constructor that panics: %v", err)
	}
	if err := shared.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Error(err)
	}
	if n, err := c.Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("after a shutdown: %d, %v; want 1 of a fresh object", n, err)
	}
	if entries, err := os.ReadDir(a.Dir); err != nil || len(entries) != 0 {
		t.Errorf("files were made: %v, %v", entries, err)
	}
}

// In one process, too, a failed start is no error for clients that wait with another
// configuration.
func TestInProcessFailureOfAnotherConfiguration(t *testing.T) {
	t.Setenv("LOOPGEN_MODE", "inprocess")
	a := singleton{Dir: t.TempDir(), Name: "c"}
	bad := a
	bad.Options.Fail = "error"
	bad, open := bad.held(t)
	failed := make(chan error, 1)
	go func() { failed <- share(t, bad).EnsureStarted(context.Background()) }()
	looker := share(t, a, func(c *rt.Config) { c.StartTimeout = time.Millisecond })
	eventually(t, "somebody starts a daemon", func() bool {
		_, err := looker.Status(context.Background())
		return errors.Is(err, rt.ErrUnresponsive)
	})
	shared := share(t, a)
	failsMeanwhile(t, shared, open, failed)
	if n, err := mustConnect(t, shared).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("who waited got %d, %v", n, err)
	}
	if err := shared.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Error(err)
	}
}

// A Shared that was dropped without Close, with its handles, gives up its
// connection; one whose handle is still held does not.
func TestDropped(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Minute}
	looker := share(t, a)
	held := func() *objects.CounterClient {
		c, err := objects.ShareCounter(a.config(), a.Options).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}()
	for range 3 {
		if err := objects.ShareCounter(a.config(), a.Options).EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "only the held one is connected", func() bool {
		runtime.GC()
		s, err := looker.Status(context.Background())
		return err == nil && len(s.Clients) == 1
	})
	if n, err := held.Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the held handle: %d, %v", n, err)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no way to count descriptors here: ", err)
	}
	return len(entries)
}
