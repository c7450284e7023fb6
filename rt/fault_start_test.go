//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// within fails the test if something took longer than promised. Promises are for
// a machine that has nothing else to do, which a test's never is.
func within(t *testing.T, what string, began time.Time, promised time.Duration) {
	t.Helper()
	if took := time.Since(began); took > 3*promised+5*time.Second {
		t.Errorf("%s took %v; %v is promised", what, took, promised)
	}
}

// failures fails the test unless so many starts of a's daemon have failed.
func (a singleton) failures(t *testing.T, n uint64) {
	t.Helper()
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := d.ReadStart(); err != nil || s.Failures != n {
		t.Errorf("%d starts have failed, %v; want %d", s.Failures, err, n)
	}
}

// A01. However many processes want the object at once, one child is started, and all
// of them get its object.
func TestThunderingHerd(t *testing.T) {
	herd := 24
	if thorough() {
		herd = 200
	}
	const each = 4
	eachTransport(t, func(t *testing.T, a singleton) {
		a = a.witnessed()
		a.IdleTTL = -1
		// Hundreds of processes leave the daemon little of two processors, and what
		// is built with the race detector needs much.
		a.Timeout, a.Greeting = 30*time.Second, 20*time.Second
		noted := filepath.Join(t.TempDir(), "processes")
		clients := make([]*client, herd)
		for i := range clients {
			clients[i] = start(t, "increment", a, withBarrier(), withN(each), withEnv(processesVar+"="+noted))
		}
		began := time.Now()
		for _, c := range clients {
			c.release()
		}
		var values []int
		for _, c := range clients {
			var v []int
			c.wait(t, &v)
			if !slices.IsSorted(v) {
				t.Errorf("a process saw the values go back: %v", v)
			}
			values = append(values, v...)
		}
		within(t, "everybody's calls", began, 10*time.Second)
		slices.Sort(values)
		for i, v := range values {
			if v != i+1 {
				t.Fatalf("values are not 1 to %d: %v", herd*each, values)
			}
		}
		if len(values) != herd*each {
			t.Errorf("%d values, want %d", len(values), herd*each)
		}
		if births, n := a.births(t), lines(t, noted); births != 1 || n != herd+1 {
			t.Errorf("%d objects were made, by %d processes besides the clients; want one, by one", births, n-herd)
		}
		a.failures(t, 0)
	})
}

const (
	// processesVar names a file in which every process of the test binary notes
	// that it began.
	processesVar = "RT_TEST_PROCESSES"
	// spawnerHookVar makes a process call the hook if it is not a daemon's.
	spawnerHookVar = "RT_TEST_SPAWNER_HOOK"
)

func init() {
	addRole("churn", playChurn)
	if path := os.Getenv(processesVar); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, os.Getpid())
			f.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if os.Getenv(spawnerHookVar) != "" && !daemonProcess() {
		rt.ServeIfDaemon()
	}
}

// daemonProcess reports whether this process was started to be a daemon.
func daemonProcess() bool { return len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "loopgen:") }

// mains starts a client that says what Connect returned, and returns that
// with the number of processes that began.
func mains(t *testing.T, role string, a singleton, options ...option) (said string, n int) {
	t.Helper()
	began := time.Now()
	noted := filepath.Join(t.TempDir(), "processes")
	start(t, role, a, append(options, withEnv(processesVar+"="+noted))...).wait(t, &said)
	within(t, "the answer", began, 2*time.Second)
	return said, lines(t, noted)
}

func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}

// A09. The child of a program without the hook would be a second client. The start fails
// with an error that says so, and no process is started.
func TestHookMissing(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
	said, n := mains(t, noHook, a)
	if !strings.Contains(said, "connect: rt.ServeIfDaemon was not called in the test binary "+executable(t)+": ") ||
		!strings.Contains(said, "rttest.Main(m)") {
		t.Errorf("the client was told %q", said)
	}
	if n != 1 || a.births(t) != 0 || a.alive(t) {
		t.Errorf("%d processes, %d objects, a daemon: %v; want the client only", n, a.births(t), a.alive(t))
	}
}

// A10. A program that calls the hook only when it is not the daemon, and opens the
// object in main, learns the same from its child. The child starts nothing.
func TestHookMissingInTheChild(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
	said, n := mains(t, noHook, a, withEnv(spawnerHookVar+"=1"))
	if !strings.Contains(said, "spawn: rt.ServeIfDaemon was not called in the test binary "+executable(t)+": ") {
		t.Errorf("the client was told %q", said)
	}
	if n != 2 || a.births(t) != 0 || a.alive(t) {
		t.Errorf("%d processes, %d objects, a daemon: %v; want the client and one child that has ended", n, a.births(t), a.alive(t))
	}
	a.failures(t, 1)
}

// A11. A program that is run with a forged marker becomes no daemon, and does not run its
// main function either.
func TestForgedMarker(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	for name, forged := range map[string]struct {
		marker string
		files  []*os.File
	}{
		"no pipes":      {"1 3 4 -", nil},
		"wrong ends":    {"1 3 4 -", []*os.File{write, read}},
		"no numbers":    {"1 a b -", nil},
		"empty":         {"", nil},
		"from tomorrow": {"2 3 4 -", []*os.File{read, write}},
	} {
		a := singleton{Dir: rttest.Dir(t), Name: "c"}
		cmd := command(t, "increment", a)
		cmd.Env = append(cmd.Env, "LOOPGEN_DAEMON="+forged.marker)
		cmd.ExtraFiles = forged.files
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 70 {
			t.Errorf("%s: exit %v, want status 70", name, err)
		}
		if !strings.Contains(string(out), "LOOPGEN_DAEMON is set") {
			t.Errorf("%s: it said %q", name, out)
		}
		if entries, err := os.ReadDir(a.Dir); len(entries) != 0 || err != nil {
			t.Errorf("%s: it left %v, %v", name, entries, err)
		}
	}
}

// A29. Directories and files are usable by this user and no other, under every umask.
func TestFilesArePrivateWhateverTheUmask(t *testing.T) {
	for _, umask := range []string{"0000", "0777"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}
			if out, err := command(t, "pid", a, withShell("umask "+umask)).CombinedOutput(); string(out) != fmt.Sprintln(a.endpoint(t).PID) {
				t.Fatalf("%s, %v", out, err)
			}
			files := 0
			err := filepath.WalkDir(a.Dir, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || path == a.Dir {
					return err
				}
				info, err := entry.Info()
				if err != nil {
					return err
				}
				want := fs.FileMode(0o600)
				if info.IsDir() {
					want = 0o700
				}
				if info.Mode().Perm() != want {
					t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
				}
				files++
				return nil
			})
			if want := 6; files != want || err != nil { // directory, locks, endpoint, socket, log
				t.Errorf("%d files, %v; want %d", files, err, want)
			}
		})
	}
}

// A30. Names are any text up to a length; they never lead out of the directory.
func TestNamesStayInTheDirectory(t *testing.T) {
	t.Parallel()
	outer := rttest.Dir(t)
	dir := filepath.Join(outer, "base")
	t.Cleanup(func() { // rttest looks for daemons right below its directory
		dirs, err := rundir.Existing(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dirs {
			if e, err := d.ReadEndpoint(); err == nil {
				name := singleton{Dir: dir, Name: e.Name}
				name.kill(t)
			}
		}
	})
	names := []string{"a/b", "..", ".", "../../x", "/", "/etc/passwd", "nul\x00", strings.Repeat("n", 300), strings.Repeat("n", 301),
		"Name", "name", " ", "日本語", "e\u0301", "\u00e9", "\xff", "-rf", "a\nb", strings.Repeat("m", 4096)}
	pids := map[int]string{}
	for _, name := range names {
		a := singleton{Dir: dir, Name: name}
		s, err := connect(t, a).Environment(t.Context())
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if other, taken := pids[s.PID]; taken {
			t.Errorf("%q and %q share a daemon", name, other)
		}
		pids[s.PID] = name
		if e := a.endpoint(t); e.Name != name || e.Network == "unix" && !strings.HasPrefix(e.Address, dir+"/") {
			t.Errorf("%q: the daemon of %q listens at %s", name, e.Name, e.Address)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(names) {
		t.Errorf("%d directories for %d names, %v", len(entries), len(names), err)
	}
	if outside, err := os.ReadDir(outer); err != nil || len(outside) != 1 {
		t.Errorf("outside of the base directory: %v, %v", outside, err)
	}
	_, err = share(t, singleton{Dir: dir, Name: strings.Repeat("m", 4097)}).Connect(t.Context())
	var e *rt.StartError
	if !errors.As(err, &e) || e.Stage != rt.StageDirectory || !strings.Contains(err.Error(), "4097 bytes") {
		t.Errorf("a name of 4097 bytes: %v, want a *StartError at %q", err, rt.StageDirectory)
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

// playChurn opens, counts and closes at random for a while. It returns the values by
// incarnation.
func playChurn(ctx context.Context, _ *counterShared, a args) (any, error) {
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

// A client that finds a daemon takes no lock and starts nothing.
func TestHealthyDaemonNeedsNoLock(t *testing.T) {
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
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

// executable returns the path of this test binary.
func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
