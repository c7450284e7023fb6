//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// releaseAll starts n client processes and lets them go at once.
func releaseAll(t *testing.T, n int, role string, a args) []*client {
	t.Helper()
	a.Barrier = true
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = start(t, role, a)
	}
	for _, c := range clients {
		c.release()
	}
	return clients
}

func TestManyProcessesOneDaemon(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		pids := map[int]int{}
		for _, c := range releaseAll(t, 24, "pid", a) {
			var pid int
			c.wait(t, &pid)
			pids[pid]++
		}
		if len(pids) != 1 {
			t.Errorf("daemons by pid: %v, want one", pids)
		}
	})
}

func TestHerd(t *testing.T) {
	const herd = 200
	a := args{Dir: rttest.Dir(t), Name: "c", N: 1}
	var values []int
	for _, c := range releaseAll(t, herd, "increment", a) {
		var v []int
		c.wait(t, &v)
		values = append(values, v...)
	}
	slices.Sort(values)
	for i, v := range values {
		if v != i+1 {
			t.Fatalf("values are not 1 to %d: %v", herd, values)
		}
	}
	if len(values) != herd {
		t.Errorf("%d values, want %d", len(values), herd)
	}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.ReadStart()
	if err != nil || s.Sequence != 1 || !s.OK {
		t.Errorf("starts: %+v, %v; want one, that succeeded", s, err)
	}
}

func TestEightProcessesEightIncrements(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		a.N = 8
		var values []int
		for _, c := range releaseAll(t, 8, "increment", a) {
			var v []int
			c.wait(t, &v)
			if !slices.IsSorted(v) {
				t.Errorf("a process saw the values go back: %v", v)
			}
			values = append(values, v...)
		}
		slices.Sort(values)
		want := make([]int, 64)
		for i := range want {
			want[i] = i + 1
		}
		if !slices.Equal(values, want) {
			t.Errorf("values %v, want 1 to 64", values)
		}
	})
}

// The rendezvous is the same whatever XDG_RUNTIME_DIR says; only the socket
// moves.
func TestRuntimeDirDoesNotDecide(t *testing.T) {
	name := fmt.Sprintf("xdg-test-%d-%d", os.Getpid(), rand.Int())
	t.Setenv("LOOPGEN_DIR", "")
	anchor, err := rundir.Anchor("")
	if err != nil {
		t.Skip("this machine has no place for a daemon of this user: ", err)
	}
	safe, open := rttest.Dir(t), rttest.Dir(t)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	a := args{Name: name, Dir: ""}
	t.Cleanup(func() {
		if err := share(t, a).Shutdown(context.Background(), rt.ShutdownNow); err != nil {
			t.Error(err)
		}
		d, err := rundir.Open(anchor, name)
		if err == nil {
			err = os.RemoveAll(d.Path())
		}
		if err != nil {
			t.Error(err)
		}
	})
	pids := map[int]int{}
	for _, xdg := range []string{safe, "relative/path", "", open, "/nonexistent", rttest.Dir(t)} {
		var pid int
		start(t, "pid", a, "XDG_RUNTIME_DIR="+xdg).wait(t, &pid)
		pids[pid]++
	}
	if len(pids) != 1 {
		t.Errorf("daemons by pid: %v, want one", pids)
	}
	s, err := share(t, a).Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.Address, safe) {
		t.Errorf("the socket is %s, want it below XDG_RUNTIME_DIR of the first, %s", s.Address, safe)
	}
}

func TestConstructorFails(t *testing.T) {
	for _, test := range []struct {
		fail  string
		check func(*testing.T, *rt.StartError)
	}{
		{"error", func(t *testing.T, e *rt.StartError) {
			if !errors.Is(e, objects.ErrNegative) || !strings.Contains(e.Error(), "counter: negative") {
				t.Errorf("%v is not the constructor's own error", e)
			}
		}},
		{"panic", func(t *testing.T, e *rt.StartError) {
			var p *rt.PanicError
			if !errors.As(e, &p) || p.Value != "no counter today" || !strings.Contains(e.Stack, "objects.NewCounter") {
				t.Errorf("%v has no panic with the constructor's frame", e)
			}
		}},
		{"exit", func(t *testing.T, e *rt.StartError) {
			if e.ExitCode != 7 || !strings.Contains(e.LogTail, "last words") {
				t.Errorf("%v does not tell exit status 7 and the last words", e)
			}
		}},
		{"nil", func(t *testing.T, e *rt.StartError) {
			if !strings.Contains(e.Error(), "NewCounter returned nil") {
				t.Errorf("%v does not say that the constructor returned nil", e)
			}
		}},
		{"hang", func(t *testing.T, e *rt.StartError) {
			if !errors.Is(e, context.DeadlineExceeded) {
				t.Errorf("%v is not a missed deadline", e)
			}
		}},
	} {
		t.Run(test.fail, func(t *testing.T) {
			t.Parallel()
			a := args{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: test.fail}}
			_, err := share(t, a, func(c *rt.Config) {
				if test.fail == "hang" {
					c.StartTimeout = 300 * time.Millisecond
				}
			}).Connect(t.Context())
			var e *rt.StartError
			if !errors.As(err, &e) {
				t.Fatalf("Connect returned %v, want a *StartError", err)
			}
			if e.Stage != rt.StageConstructor {
				t.Errorf("stage %q, want %q", e.Stage, rt.StageConstructor)
			}
			test.check(t, e)
			eventually(t, "the failed daemon is gone", func() bool { return !a.alive(t) })
			a.Options.Fail = ""
			if _, err := connect(t, a).Inc(t.Context()); err != nil {
				t.Errorf("the next start: %v", err)
			}
		})
	}
}

// Whoever waited for a start that failed gets its failure instead of trying
// the same again.
func TestWaitersShareTheFailure(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "error"}}
	clients := releaseAll(t, 12, "connect", a)
	for _, c := range clients {
		var said string
		c.wait(t, &said)
		if !strings.Contains(said, "counter: negative") {
			t.Errorf("a client was told %q", said)
		}
	}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.ReadStart()
	if err != nil || s.Sequence == 0 || s.Sequence > 6 {
		t.Errorf("%d starts for 12 clients at once, %v; want a few", s.Sequence, err)
	}
}

func TestSlowConstructor(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c", N: 1, Options: objects.Options{Fail: "sleep:1s"}}
	for _, c := range releaseAll(t, 20, "increment", a) {
		var v []int
		c.wait(t, &v)
	}
	if got, err := connect(t, a).Value(t.Context()); err != nil || got != 20 {
		t.Errorf("value %d, %v; want 20", got, err)
	}
}

func TestNoisyConstructor(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "print"}}
	var pid int
	start(t, "pid", a).wait(t, &pid) // its output would not be JSON
	log, err := os.ReadFile(a.endpoint(t).Log)
	if err != nil {
		t.Fatal(err)
	}
	if x, y := strings.Count(string(log), "x"), strings.Count(string(log), "y"); x < 1<<20 || y < 1<<20 {
		t.Errorf("the log has %d x and %d y, want a MiB of each", x, y)
	}
}

func TestHookMissing(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c"}
	var said string
	start(t, "no hook", a).wait(t, &said)
	if !strings.Contains(said, "rt.ServeIfDaemon was not called") {
		t.Errorf("the client was told %q", said)
	}
	if matches, _ := filepath.Glob(a.Dir + "/*/log"); len(matches) != 0 {
		t.Errorf("something was started: %v", matches)
	}
}

func TestForgedMarker(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOOPGEN_DAEMON=1 3 4 -")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 70 {
		t.Errorf("exit %v, want status 70", err)
	}
	if !strings.Contains(string(out), "LOOPGEN_DAEMON") {
		t.Errorf("it said %q", out)
	}
}

func TestUnsafeDirectory(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c"}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.Path(), 0o750); err != nil {
		t.Fatal(err)
	}
	_, err = share(t, a).Connect(t.Context())
	if !errors.Is(err, rt.ErrUnsafeDir) || !strings.Contains(err.Error(), d.Path()) {
		t.Errorf("Connect returned %v, want %v naming %s", err, rt.ErrUnsafeDir, d.Path())
	}
	if info, err := os.Stat(d.Path()); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("the directory was changed: %v, %v", info.Mode(), err)
	}
}

func TestBadConfiguration(t *testing.T) {
	dir := rttest.Dir(t)
	for name, cfg := range map[string]rt.Config{
		"scope":          {Scope: "galaxy"},
		"relative scope": {Scope: rt.ScopeDir("here")},
		"transport":      {Scope: rt.ScopeDir(dir), Transport: "pigeon"},
		"name":           {Scope: rt.ScopeDir(dir), Name: strings.Repeat("n", 5000)},
	} {
		shared := objects.ShareCounter(cfg, objects.Options{})
		_, err := shared.Connect(t.Context())
		var e *rt.StartError
		if !errors.As(err, &e) || e.Stage != rt.StageDirectory {
			t.Errorf("%s: Connect returned %v, want a *StartError at %q", name, err, rt.StageDirectory)
		}
		shared.Close()
	}
}

// Names are any text; they never lead out of the directory.
func TestNames(t *testing.T) {
	dir := rttest.Dir(t)
	pids := map[int]string{}
	for _, name := range []string{"a/b", "../../x", "nul\x00", strings.Repeat("é", 150), "Name", "name", " "} {
		a := args{Dir: dir, Name: name}
		c := connect(t, a)
		s, err := c.Environment(t.Context())
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		pid := s.PID
		if other, taken := pids[pid]; taken {
			t.Errorf("%q and %q share a daemon", name, other)
		}
		pids[pid] = name
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(pids) {
		t.Errorf("%d directories for %d names, %v", len(entries), len(pids), err)
	}
}

// churn opens, counts and closes at random for a while.
func churn(ctx context.Context, a args) (map[string][]int, error) {
	values := map[string][]int{}
	for end := time.Now().Add(a.For); time.Now().Before(end); {
		shared := objects.ShareCounter(a.config(), a.Options)
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		for range 1 + rand.IntN(3) {
			life, v, err := c.Life(ctx)
			if err != nil {
				return nil, fmt.Errorf("call: %w", err)
			}
			values[life] = append(values[life], v)
		}
		shared.Close()
		time.Sleep(rand.N(2 * time.Millisecond)) // think time, near the idle time
	}
	return values, nil
}

// An idle exit never loses a call, however close it comes to the next client.
func TestIdleRace(t *testing.T) {
	for _, ttl := range []time.Duration{time.Millisecond, time.Microsecond} {
		t.Run(ttl.String(), func(t *testing.T) {
			eachTransport(t, func(t *testing.T, a args) {
				a.IdleTTL, a.For = ttl, long(4*time.Second)
				all := map[string][]int{}
				for _, c := range releaseAll(t, 8, "churn", a) {
					var values map[string][]int
					c.wait(t, &values)
					for life, v := range values {
						all[life] = append(all[life], v...)
					}
				}
				for life, values := range all {
					slices.Sort(values)
					for i, v := range values {
						if v != i+1 {
							t.Fatalf("life %s: values %v are not 1 to %d", life, values, len(values))
						}
					}
				}
				if len(all) < 2 {
					t.Errorf("the daemon never left: lives %v", slices.Collect(maps.Keys(all)))
				}
			})
		})
	}
}

// A socket's address holds 103 bytes. Auto takes TCP then; Unix says so.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(rttest.Dir(t), strings.Repeat("d", 100))
	a := args{Dir: dir, Name: "c", Transport: rt.TransportUnix}
	_, err := share(t, a).Connect(t.Context())
	if err == nil || !strings.Contains(err.Error(), "limit is 103") {
		t.Errorf("Unix: %v, want an error with the limit", err)
	}
	a.Transport = rt.TransportAuto
	if _, err := connect(t, a).Inc(t.Context()); err != nil {
		t.Fatal(err)
	}
	shared := share(t, a)
	if s, err := shared.Status(t.Context()); err != nil || s.Network != "tcp" {
		t.Errorf("Auto: network %q, %v; want tcp", s.Network, err)
	}
	if err := shared.Shutdown(t.Context(), rt.ShutdownNow); err != nil {
		t.Error(err)
	}
}

// Who finds a daemon takes no lock and starts nothing.
func TestHealthyDaemonNeedsNoLock(t *testing.T) {
	a := args{Dir: rttest.Dir(t), Name: "c"}
	connect(t, a)
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	unlock, ok, err := d.TrySpawnLock()
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer unlock()
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("while somebody else holds the spawn lock: %d, %v", n, err)
	}
}

// A start request that cannot be understood is refused with a report.
func TestMalformedStartRequest(t *testing.T) {
	child, err := process.Start(process.Command{Env: os.Environ(), Payload: []byte("not CBOR")})
	if err != nil {
		t.Fatal(err)
	}
	defer child.Kill()
	report, err := child.Report(t.Context())
	if err != nil || !strings.Contains(string(report), "start request") {
		t.Errorf("report %q, %v; want one about the start request", report, err)
	}
}
