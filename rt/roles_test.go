//go:build unix

package rt_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/testdata/objects"
)

// Many tests need client processes besides the daemon. The test binary is all of them.
// With roleVar in its environment it does not run tests: it plays the role of that name,
// a function that addRole was called with, and exits.
//
// A test starts a role with start, or makes a command of it and starts that. Both take the
// singleton that the role shares and options for all else, such as withN(5).
//
// The test and the role talk over pipes:
//
//   - The role's value, or its error, is the last line of its standard output, as JSON.
//     client.wait reads it.
//   - Before that a role may print lines that say how far it is. client.says reads one.
//   - Standard input tells the role to go on: client.release closes it. With withBarrier
//     the role prints "ready" and waits for that before it begins. Other roles read lines.
//   - Standard error is the test's.
//
// A shell script starts a role with roleVar and the environment of a command.
const (
	roleVar = "RT_TEST_ROLE"
	argsVar = "RT_TEST_ARGS" // JSON
)

const (
	// noHook is the role of a program that does not call ServeIfDaemon. It is connect
	// otherwise.
	noHook = "no hook"
	// doNothing is the role of a process that ends at once, without arguments: see
	// bench_floor_test.go.
	doNothing = "exec"
)

// A role is the main function of a client process. The value it returns is encoded as
// JSON. shared is the Counter of the arguments, to which nothing has connected yet.
type role func(ctx context.Context, shared *counterShared, a args) (any, error)

// args are the arguments of a role: the singleton, and the values of options.
type args struct {
	singleton
	N       int           // withN
	For     time.Duration // withFor
	Seed    int64         // withSeed
	Text    []string      // withText
	Barrier bool          // withBarrier
}

// roles are all roles, by name. Only addRole writes to it.
var roles = map[string]role{}

// addRole adds a role. Each file that has one calls addRole in an init function.
func addRole(name string, play role) {
	if roles[name] != nil || name == doNothing {
		panic("two roles are named " + name)
	}
	roles[name] = play
}

// These are the roles that tests of several files start.
func init() {
	// increment calls Inc N times and returns the values.
	addRole("increment", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		return increment(ctx, shared, a.N)
	})
	// pid returns the daemon's process, which it learns through a call.
	addRole("pid", func(ctx context.Context, shared *counterShared, _ args) (any, error) {
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		s, err := c.Environment(ctx)
		return s.PID, err
	})
	// connect returns the text of Connect's error.
	connect := func(ctx context.Context, shared *counterShared, _ args) (any, error) {
		_, err := shared.Connect(ctx)
		return fmt.Sprint(err), nil
	}
	addRole("connect", connect)
	addRole(noHook, connect)
	// hold keeps a connection until it is killed.
	addRole("hold", func(ctx context.Context, shared *counterShared, _ args) (any, error) {
		if err := shared.EnsureStarted(ctx); err != nil {
			return nil, err
		}
		fmt.Println("connected")
		select {}
	})
	// stay stays in a concurrent method.
	addRole("stay", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return c.Stay(ctx, a.Name+"-gate")
	})
	// enter stays in a method.
	addRole("enter", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return c.Enter(ctx, a.Name+"-gate")
	})
}

// playRole plays a role with the arguments in the environment, prints its value or its
// error, and exits.
func playRole(name string) {
	value, err := play(name)
	if err != nil {
		value = map[string]any{"error": err.Error()}
	}
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(name string) (any, error) {
	if name == doNothing {
		return name, nil
	}
	var a args
	if err := json.Unmarshal([]byte(os.Getenv(argsVar)), &a); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	shared := objects.ShareCounter(a.config(), a.Options)
	defer shared.Close()
	if a.Barrier {
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	}
	play := roles[name]
	if play == nil {
		return nil, fmt.Errorf("no role %q", name)
	}
	return play(ctx, shared, a)
}

// An option says more of a role's process than the singleton does.
type option func(*launch)

// launch is the process of a role before it is made.
type launch struct {
	args
	program string
	shell   string
	stderr  string
	env     []string
	session bool
}

// withN tells a role how often it does something.
func withN(n int) option { return func(l *launch) { l.N = n } }

// withFor tells a role how long it goes on.
func withFor(d time.Duration) option { return func(l *launch) { l.For = d } }

// withSeed tells a role the seed of its choices.
func withSeed(seed int64) option { return func(l *launch) { l.Seed = seed } }

// withText tells a role paths, addresses and the like. The role says which.
func withText(text ...string) option { return func(l *launch) { l.Text = text } }

// withBarrier makes a role wait until the test releases it.
func withBarrier() option { return func(l *launch) { l.Barrier = true } }

// withEnv adds variables to the environment.
func withEnv(env ...string) option { return func(l *launch) { l.env = append(l.env, env...) } }

// withSession gives the process a session of its own, as a daemon has one: the kernel
// schedules sessions, not processes, against each other (sched(7), autogroup).
func withSession() option { return func(l *launch) { l.session = true } }

// withShell makes a shell run the script and then become the process.
func withShell(script string) option { return func(l *launch) { l.shell = script } }

// withProgram is the path of a copy of the test binary, which plays the role.
func withProgram(path string) option { return func(l *launch) { l.program = path } }

// withStderr is the path of a file to which the process appends its standard error. It is
// for start.
func withStderr(path string) option { return func(l *launch) { l.stderr = path } }

// command returns a process that plays a role, not yet started.
func command(t testing.TB, role string, a singleton, options ...option) *exec.Cmd {
	t.Helper()
	cmd, _ := prepare(t, role, a, options)
	return cmd
}

func prepare(t testing.TB, role string, a singleton, options []option) (*exec.Cmd, launch) {
	t.Helper()
	if roles[role] == nil {
		t.Fatalf("no role %q", role)
	}
	l := launch{args: args{singleton: a}}
	for _, option := range options {
		option(&l)
	}
	told, err := json.Marshal(l.args)
	if err != nil {
		t.Fatal(err)
	}
	program := cmp.Or(l.program, os.Args[0])
	cmd := exec.Command(program)
	if l.shell != "" {
		cmd = exec.Command("/bin/sh", "-c", l.shell+`; exec "$0"`, program)
	}
	cmd.Env = append(os.Environ(), roleVar+"="+role, argsVar+"="+string(told))
	cmd.Env = append(cmd.Env, l.env...)
	if l.session {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	return cmd, l
}

// client is a process that plays a role.
type client struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// start starts a process that plays a role. With withBarrier it returns when the process
// waits.
func start(t testing.TB, role string, a singleton, options ...option) *client {
	t.Helper()
	cmd, l := prepare(t, role, a, options)
	cmd.Stderr = os.Stderr
	if l.stderr != "" {
		f, err := os.OpenFile(l.stderr, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stderr = f
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &client{cmd, stdin, bufio.NewReader(out)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() // no effect once wait has been called
		cmd.Wait()
	})
	if l.Barrier {
		c.says(t, "ready")
	}
	return c
}

// releaseAll starts n processes that play a role and lets them go at once.
func releaseAll(t *testing.T, n int, role string, a singleton, options ...option) []*client {
	t.Helper()
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = start(t, role, a, append([]option{withBarrier()}, options...)...)
	}
	for _, c := range clients {
		c.release()
	}
	return clients
}

// line returns the next line of the role's standard output.
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

// wait decodes the value that the role returned, and waits for the end of the process. An
// error that the role returned fails the test.
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
