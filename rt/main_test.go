//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVar)
	if role != noHook {
		rt.ServeIfDaemon()
	}
	if role == "" {
		rttest.Main(m)
	}
	playRole(role)
}

// A singleton is what the client processes of a test share: the configuration, and the
// constructor's arguments. Its methods look at the daemon from outside.
type singleton struct {
	Dir       string
	Scope     rt.Scope // if there is no Dir
	Users     []string // Config.AllowUsers
	Groups    []string // Config.AllowGroups
	Name      string
	Transport rt.Transport
	IdleTTL   time.Duration
	Orphans   time.Duration // Config.OrphanTimeout
	Version   int
	Policy    rt.MismatchPolicy // Config.OnMismatch
	Command   []string
	Env       []string      // of the daemon
	Timeout   time.Duration // Config.StartTimeout
	Greeting  time.Duration // Config.ConnectTimeout
	Options   objects.Options
}

func (a singleton) config() rt.Config {
	cfg := rt.Config{
		Name: a.Name, Scope: a.Scope, Transport: a.Transport, AllowUsers: a.Users, AllowGroups: a.Groups,
		IdleTTL: a.IdleTTL, OrphanTimeout: a.Orphans, StartTimeout: a.Timeout, ConnectTimeout: a.Greeting,
		Version: a.Version, OnMismatch: a.Policy, Command: a.Command, Env: a.Env,
	}
	if a.Dir != "" {
		cfg.Scope = rt.ScopeDir(a.Dir)
	}
	return cfg
}

// eachTransport runs a test on Unix sockets and on TCP, each with a directory
// of its own.
func eachTransport(t *testing.T, test func(t *testing.T, a singleton)) {
	for _, transport := range []rt.Transport{rt.TransportUnix, rt.TransportTCP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			test(t, singleton{Dir: rttest.Dir(t), Name: "c", Transport: transport})
		})
	}
}

// share returns the Counter that a's client processes share, for this process.
func share(t testing.TB, a singleton, change ...func(*rt.Config)) *rt.Shared[*objects.CounterClient, *objects.CounterProxy] {
	t.Helper()
	cfg := a.config()
	for _, c := range change {
		c(&cfg)
	}
	shared := objects.ShareCounter(cfg, a.Options)
	t.Cleanup(func() { shared.Close() })
	return shared
}

func connect(t testing.TB, a singleton, change ...func(*rt.Config)) *objects.CounterClient {
	t.Helper()
	c, err := share(t, a, change...).Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// directory is that of the singleton that a's clients share.
func (a singleton) directory(t testing.TB) *rundir.Dir {
	t.Helper()
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// endpoint reads the endpoint file of the daemon that a's clients share.
func (a singleton) endpoint(t testing.TB) *rundir.Endpoint {
	t.Helper()
	d := a.directory(t)
	e, err := d.ReadEndpoint()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// alive reports whether a daemon lives, by its lock.
func (a singleton) alive(t testing.TB) bool {
	t.Helper()
	d := a.directory(t)
	alive, err := d.Alive()
	if err != nil {
		t.Fatal(err)
	}
	return alive
}

// kill ends the daemon with SIGKILL and waits until its lock is free.
func (a singleton) kill(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(a.endpoint(t).PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon is dead", func() bool { return !a.alive(t) })
}

// stop stops the daemon as SIGSTOP does, and returns what lets it go on.
func (a singleton) stop(t testing.TB) (resume func()) {
	t.Helper()
	pid := a.endpoint(t).PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// The signal is sent; its threads stop one by one.
	eventually(t, "it is stopped", func() bool {
		state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
		return err == nil && strings.HasPrefix(string(state), "T")
	})
	return func() {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Error(err)
		}
	}
}

// witnessed gives a a witness; births counts what it saw.
func (a singleton) witnessed() singleton {
	a.Options.Witness = filepath.Join(a.Dir, "witness")
	return a
}

// births returns how many objects were made for a's clients, and fails the test
// if two were ever alive at once.
func (a singleton) births(t testing.TB) int {
	t.Helper()
	seen, err := os.ReadFile(a.Options.Witness)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if bytes.Contains(seen, []byte("two at once")) {
		t.Errorf("two objects were alive at once:\n%s", seen)
	}
	return bytes.Count(seen, []byte("\n"))
}

// needs skips a test for which the machine lacks something, and says what. If everything
// is to be tested, as in CI, the test fails.
func needs(t testing.TB, what string, there bool) {
	t.Helper()
	switch {
	case there:
	case os.Getenv("LOOPGEN_TEST_ALL") != "":
		t.Fatalf("this machine lacks what the test needs: %s", what)
	default:
		t.Skipf("needs %s", what)
	}
}

// needsRoot is needs for tests that become another user, mount, or set limits.
func needsRoot(t testing.TB) { t.Helper(); needs(t, "root", os.Getuid() == 0) }

// needsStrangers is needsRoot for tests in which other users run programs or use files
// in the directory for temporary files.
func needsStrangers(t testing.TB) {
	t.Helper()
	needsRoot(t)
	needs(t, "a directory for temporary files (TMPDIR) that every user can enter", enterable(os.TempDir()))
}

// enterable reports whether every user can enter a directory.
func enterable(path string) bool {
	for ; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
	}
}

// needsTool is needs for a program.
func needsTool(t testing.TB, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	needs(t, name, err == nil)
}

// eventually waits for something that another process does, for longer than a busy
// machine needs.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// thorough reports whether tests may take minutes.
func thorough() bool { return os.Getenv("LOOPGEN_TEST_SECONDS") != "" }

// long is how long tests go on that get better with time.
func long(ordinary time.Duration) time.Duration {
	if s := os.Getenv("LOOPGEN_TEST_SECONDS"); s != "" {
		if n, err := strconv.Atoi(s); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	return ordinary
}
