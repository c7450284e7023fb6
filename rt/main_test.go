//go:build unix

package rt_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// The test binary is the daemon, and it is the client processes: with roleVar
// set it plays that role instead of running tests.
const (
	roleVar = "RT_TEST_ROLE"
	argsVar = "RT_TEST_ARGS"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVar)
	if role != "no hook" {
		rt.ServeIfDaemon()
	}
	if role == "" {
		rttest.Main(m)
	}
	out, err := play(role)
	if err != nil {
		out = map[string]any{"error": err.Error()}
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// args are what a role is told.
type args struct {
	Dir       string
	Scope     rt.Scope // if there is no Dir
	Users     []string // that are admitted
	Groups    []string
	Name      string
	Transport rt.Transport
	IdleTTL   time.Duration
	Orphans   time.Duration // Config.OrphanTimeout
	Program   string        // a copy of this one, to play the role; empty: this one
	Version   int
	Policy    rt.MismatchPolicy
	Command   []string
	Env       []string // of the daemon
	Options   objects.Options
	N         int
	For       time.Duration
	Timeout   time.Duration // of a start
	Greeting  time.Duration // of an attempt to connect
	Barrier   bool
	Stderr    string // a file for the role's standard error; empty: this process's
}

func (a args) config() rt.Config {
	cfg := rt.Config{Name: a.Name, Transport: a.Transport, IdleTTL: a.IdleTTL, OrphanTimeout: a.Orphans, Version: a.Version, OnMismatch: a.Policy, Scope: a.Scope, Command: a.Command, Env: a.Env}
	cfg.AllowUsers, cfg.AllowGroups, cfg.StartTimeout, cfg.ConnectTimeout = a.Users, a.Groups, a.Timeout, a.Greeting
	if a.Dir != "" {
		cfg.Scope = rt.ScopeDir(a.Dir)
	}
	return cfg
}

// client is a process that plays a role.
type client struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// start starts a client process. With Barrier in its args it waits until it is
// released.
func start(t testing.TB, role string, a args, env ...string) *client {
	t.Helper()
	told, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(cmp.Or(a.Program, os.Args[0]))
	cmd.Env = append(os.Environ(), roleVar+"="+role, argsVar+"="+string(told))
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	if a.Stderr != "" {
		f, err := os.OpenFile(a.Stderr, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stderr = f
	}
	c := &client{cmd: cmd}
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdout = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() // no effect once wait has been called
		cmd.Wait()
	})
	if a.Barrier {
		c.says(t, "ready")
	}
	return c
}

func (c *client) line(t testing.TB) string {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("the client process ended early: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// says waits for a line in which a role tells how far it is. Anything else, such
// as an error, fails the test.
func (c *client) says(t testing.TB, want string) {
	t.Helper()
	if line := c.line(t); line != want {
		t.Fatalf("the client process said %q, want %q", line, want)
	}
}

// release lets a client pass its barrier.
func (c *client) release() { c.stdin.Close() }

// wait returns what the role returned; what it said of itself in an error
// fails the test.
func (c *client) wait(t testing.TB, into any) {
	t.Helper()
	line := c.line(t)
	var failed struct{ Error string }
	if json.Unmarshal([]byte(line), &failed) == nil && failed.Error != "" {
		t.Errorf("client process: %s", failed.Error)
		return
	}
	if err := json.Unmarshal([]byte(line), into); err != nil {
		t.Errorf("the client process said %q: %v", line, err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// barrier waits, in a client process, until the test releases it.
func (a args) barrier() {
	if a.Barrier {
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	}
}

func play(role string) (any, error) {
	if role == "exec" { // a process that does nothing: see bench_floor_test.go
		return role, nil
	}
	var a args
	if err := json.Unmarshal([]byte(os.Getenv(argsVar)), &a); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	shared := objects.ShareCounter(a.config(), a.Options)
	defer shared.Close()
	a.barrier()
	switch role {
	case "increment": // N times; returns the values
		return increment(ctx, shared, a.N)
	case "pid": // of the daemon, found through a call
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		s, err := c.Environment(ctx)
		return s.PID, err
	case "no hook", "connect": // returns what Connect says
		_, err := shared.Connect(ctx)
		return fmt.Sprint(err), nil
	case "churn": // opens, counts and closes for a while; returns the values by incarnation
		return churn(ctx, a)
	case "words": // asks for the object's own map
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return wordsOf(ctx, c, a.N)
	case "lock": // N critical sections of a Vault
		return lockVault(ctx, a)
	case "hold": // keeps a connection until it is killed
		if err := shared.EnsureStarted(ctx); err != nil {
			return nil, err
		}
		fmt.Println("connected")
		select {}
	case "stay": // stays in a concurrent method
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return c.Stay(ctx, a.Name+"-gate")
	case "enter": // stays in a method
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return c.Enter(ctx, a.Name+"-gate")
	}
	if play := roles[role]; play != nil {
		return play(ctx, shared, a)
	}
	return nil, fmt.Errorf("no role %q", role)
}

// roles are those that a test keeps beside itself.
var roles = map[string]func(context.Context, *counterShared, args) (any, error){}

func increment(ctx context.Context, shared *rt.Shared[*objects.CounterClient, *objects.CounterProxy], n int) ([]int, error) {
	c, err := shared.Connect(ctx)
	if err != nil {
		return nil, err
	}
	var values []int
	for range n {
		v, err := c.Inc(ctx)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// eachTransport runs a test on Unix sockets and on TCP, each with a directory
// of its own.
func eachTransport(t *testing.T, test func(t *testing.T, a args)) {
	for _, transport := range []rt.Transport{rt.TransportUnix, rt.TransportTCP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			test(t, args{Dir: rttest.Dir(t), Name: "c", Transport: transport})
		})
	}
}

// share returns the Counter that a's client processes share, for this process.
func share(t testing.TB, a args, change ...func(*rt.Config)) *rt.Shared[*objects.CounterClient, *objects.CounterProxy] {
	t.Helper()
	cfg := a.config()
	for _, c := range change {
		c(&cfg)
	}
	shared := objects.ShareCounter(cfg, a.Options)
	t.Cleanup(func() { shared.Close() })
	return shared
}

func connect(t testing.TB, a args, change ...func(*rt.Config)) *objects.CounterClient {
	t.Helper()
	c, err := share(t, a, change...).Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// directory is that of the singleton that a's clients share.
func (a args) directory(t testing.TB) *rundir.Dir {
	t.Helper()
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// endpoint reads the endpoint file of the daemon that a's clients share.
func (a args) endpoint(t testing.TB) *rundir.Endpoint {
	t.Helper()
	d := a.directory(t)
	e, err := d.ReadEndpoint()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// alive reports whether a daemon lives, by its lock.
func (a args) alive(t testing.TB) bool {
	t.Helper()
	d := a.directory(t)
	alive, err := d.Alive()
	if err != nil {
		t.Fatal(err)
	}
	return alive
}

// kill ends the daemon with SIGKILL and waits until its lock is free.
func (a args) kill(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(a.endpoint(t).PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon is dead", func() bool { return !a.alive(t) })
}

// stop stops the daemon as SIGSTOP does, and returns what lets it go on.
func (a args) stop(t testing.TB) (resume func()) {
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
func (a args) witnessed() args {
	a.Options.Witness = filepath.Join(a.Dir, "witness")
	return a
}

// births returns how many objects were made for a's clients, and fails the test
// if two were ever alive at once.
func (a args) births(t testing.TB) int {
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

// needs skips a test for which the machine lacks something, and says what. Where
// everything is to be tested, as in CI, that is a failure.
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
