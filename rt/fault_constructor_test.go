//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

func init() { addRole("patient", playPatient) }

// playPatient prints a line when it waits for a start that has begun, and returns the
// text of Connect's error.
func playPatient(ctx context.Context, shared *counterShared, _ args) (any, error) {
	for waiting := false; !waiting; {
		var err error
		if waiting, err = startsWaiting(ctx, shared.EnsureStarted); err != nil {
			return nil, fmt.Errorf("it did not wait: %w", err)
		}
	}
	fmt.Println("waiting")
	_, err := shared.Connect(ctx) // joins the attempt that the first one began
	return fmt.Sprint(err), nil
}

// startsWaiting calls start, an EnsureStarted, for a moment. It reports whether the
// attempt that start began has found that a daemon is self.Starting. The attempt goes
// on. An error is anything but the end of the moment.
func startsWaiting(ctx context.Context, start func(context.Context) error) (bool, error) {
	moment, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	err := start(moment)
	if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return false, fmt.Errorf("got %w; want %w", err, context.DeadlineExceeded)
	}
	return strings.Contains(err.Error(), "a daemon is starting"), nil
}

// waits returns when the attempt that start, an EnsureStarted, begins waits for a
// daemon that is self.Starting.
func waits(t *testing.T, start func(context.Context) error) {
	t.Helper()
	eventually(t, "a client waits for the daemon", func() bool {
		waiting, err := startsWaiting(t.Context(), start)
		if err != nil {
			t.Fatal(err)
		}
		return waiting
	})
}

// failsMeanwhile lets shared wait while another start is held, and then lets that start
// fail. Its error comes from failed.
func failsMeanwhile(t *testing.T, shared *counterShared, open func(), failed <-chan error) {
	t.Helper()
	waits(t, shared.EnsureStarted)
	open()
	if err := <-failed; !errors.Is(err, objects.ErrNegative) {
		t.Errorf("whose constructor failed got %v", err)
	}
}

// held makes a's constructors wait, where they tell their witness, until open is
// called. There are no births to count then.
func (a singleton) held(t *testing.T) (_ singleton, open func()) {
	t.Helper()
	a.Options.Witness = filepath.Join(a.Dir, "held")
	if err := syscall.Mkfifo(a.Options.Witness, 0o600); err != nil {
		t.Fatal(err)
	}
	return a, func() {
		f, err := os.OpenFile(a.Options.Witness, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
	}
}

// born waits until so many objects were being made, and returns the process of
// the last.
func (a singleton) born(t *testing.T, n int) (pid int) {
	t.Helper()
	eventually(t, "an object is being made", func() bool { return a.births(t) >= n })
	seen, err := os.ReadFile(a.Options.Witness)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(seen), []byte("\n"))
	if _, err := fmt.Sscanf(string(lines[len(lines)-1]), "born %d", &pid); err != nil {
		t.Fatalf("%v in %q", err, seen)
	}
	return pid
}

// heals fails the test unless the next client gets a new object, the n-th, with
// nothing done but that the constructor works again.
func (a singleton) heals(t *testing.T, n int) {
	t.Helper()
	if a.alive(t) {
		t.Error("a daemon is left")
	}
	for _, path := range strays(t, a) {
		t.Errorf("left behind: %s", path)
	}
	a.Options.Fail = ""
	if v, err := connect(t, a).Inc(t.Context()); v != 1 || err != nil {
		t.Errorf("the next client: %d, %v; want 1", v, err)
	}
	if births := a.births(t); births != n {
		t.Errorf("%d constructors were called, want %d", births, n)
	}
}

// strays returns the paths in the directory that the last daemon should not have left
// there.
func strays(t *testing.T, a singleton) (paths []string) {
	t.Helper()
	expected := map[string]bool{"spawn.lock": true, "life.lock": true, "start": true, "last": true, "stats": true, "log": true, "witness": true}
	err := filepath.WalkDir(a.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !expected[entry.Name()] {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return paths
}

// startError fails the test unless err is a *StartError of that stage.
func startError(t *testing.T, err error, stage rt.Stage) *rt.StartError {
	t.Helper()
	var e *rt.StartError
	if !errors.As(err, &e) {
		t.Fatalf("Connect returned %v, want a *StartError", err)
	}
	if e.Stage != stage {
		t.Errorf("stage %q, want %q: %v", e.Stage, stage, err)
	}
	return e
}

// A02. Clients that come while the object is being made wait for it.
func TestClientsWaitForSlowConstructor(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1, Options: objects.Options{Fail: "sleep:300ms"}}.witnessed()
	if thorough() {
		a.Options.Fail = "sleep:1s"
	}
	const n = 20
	for _, c := range releaseAll(t, n, "increment", a, withN(1)) {
		var v []int
		c.wait(t, &v)
	}
	if got, err := connect(t, a).Value(t.Context()); err != nil || got != n {
		t.Errorf("value %d, %v; want %d", got, err, n)
	}
	if births := a.births(t); births != 1 {
		t.Errorf("%d objects were made, want one", births)
	}
	a.failures(t, 0)
}

// A03. A constructor that does not return in time is ended with its process, even if
// that process cannot end itself any more.
func TestConstructorTooSlow(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]string{"slow": "sleep:10s", "hangs": "hang", "stopped": "hang"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: fail}}.witnessed()
			const limit = 2 * time.Second // a busy machine needs as long to reach the constructor
			began, result := time.Now(), make(chan error, 1)
			shared := share(t, a, func(c *rt.Config) { c.StartTimeout = limit })
			go func() {
				_, err := shared.Connect(context.Background())
				result <- err
			}()
			pid := a.born(t, 1)
			if name == "stopped" {
				child, err := os.FindProcess(pid) // a handle: never another process of that number
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { child.Kill() })
				if err := child.Signal(syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			err := <-result
			if e := startError(t, err, rt.StageConstructor); !errors.Is(e, context.DeadlineExceeded) || !strings.Contains(e.Error(), "StartTimeout") {
				t.Errorf("%v does not tell of StartTimeout", e)
			}
			within(t, "giving up", began, limit+time.Second)
			eventually(t, "the child was ended and reaped", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
			a.heals(t, 2)
		})
	}
}

// A04. The constructor's error, or that it returned nil, reaches the client at once.
func TestConstructorReturnsAnError(t *testing.T) {
	failingConstructor(t, "error", func(t *testing.T, e *rt.StartError) {
		if !errors.Is(e, objects.ErrNegative) || !strings.Contains(e.Error(), "counter: negative") {
			t.Errorf("%v is not the constructor's own error", e)
		}
	})
	failingConstructor(t, "nil", func(t *testing.T, e *rt.StartError) {
		if !strings.Contains(e.Error(), "NewCounter returned nil") {
			t.Errorf("%v does not say that the constructor returned nil", e)
		}
	})
}

// A05. The error of a start whose constructor panics has the value and the stack.
func TestConstructorPanics(t *testing.T) {
	failingConstructor(t, "panic", func(t *testing.T, e *rt.StartError) {
		var p *rt.PanicError
		if !errors.As(e, &p) || p.Value != "no counter today" {
			t.Errorf("%v is no panic", e)
		}
		for _, frame := range []string{"objects.NewCounter(", "counter.go:"} {
			if !strings.Contains(e.Stack, frame) || !strings.Contains(e.Error(), frame) {
				t.Errorf("%v does not show the constructor's frame", e)
			}
		}
	})
}

// A constructor that is killed because it takes too long leaves the stacks of its
// goroutines in the log.
func TestSlowConstructorLogsGoroutines(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "hang"}, Timeout: time.Second}
	_, err := share(t, a).Connect(t.Context())
	e := startError(t, err, rt.StageConstructor)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	for _, text := range []string{"the constructor has not returned", "\ngoroutine ", "objects.NewCounter("} {
		if !fileContains(e.Log, text) {
			t.Errorf("the log %s has no %q", e.Log, text)
		}
	}
}

// A06. The error of a start whose constructor exits has the exit status and the last output.
func TestConstructorExits(t *testing.T) {
	failingConstructor(t, "exit", func(t *testing.T, e *rt.StartError) {
		if e.ExitCode != 7 || !strings.Contains(e.Error(), "status 7") {
			t.Errorf("%v does not tell of exit status 7", e)
		}
		if !strings.Contains(e.LogTail, "last words") || !strings.Contains(e.Error(), "last words") {
			t.Errorf("%v does not tell the last words", e)
		}
		if errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("%v is a timeout", e)
		}
	})
}

// failingConstructor starts a daemon whose constructor fails so.
func failingConstructor(t *testing.T, fail string, check func(*testing.T, *rt.StartError)) {
	t.Run(fail, func(t *testing.T) {
		t.Parallel()
		a := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: fail}}.witnessed()
		began := time.Now()
		_, err := share(t, a).Connect(t.Context())
		within(t, "the failure", began, time.Second)
		check(t, startError(t, err, rt.StageConstructor))
		eventually(t, "the failed daemon is gone", func() bool { return !a.alive(t) })
		a.heals(t, 2)
	})
}

// A04. A client that waited for a start that failed gets its failure and does not try the
// same again.
func TestWaitersShareTheFailure(t *testing.T) {
	for fail, want := range map[string]string{"error": "counter: negative", "panic": "objects.NewCounter(", "exit": "last words"} {
		t.Run(fail, func(t *testing.T) {
			t.Parallel()
			a, open := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: fail}}.held(t)
			clients := releaseAll(t, 12, "patient", a)
			for _, c := range clients {
				c.says(t, "waiting")
			}
			began := time.Now()
			open()
			for _, c := range clients {
				var said string
				c.wait(t, &said)
				if !strings.Contains(said, want) {
					t.Errorf("a client was told %q", said)
				}
			}
			within(t, "telling everybody", began, time.Second)
			// One that was late may have tried once more.
			d, err := rundir.Open(a.Dir, a.Name)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := d.ReadStart(); err != nil || s.Failures == 0 || s.Failures > 3 {
				t.Errorf("%d starts failed for %d clients, %v; want one", s.Failures, len(clients), err)
			}
		})
	}
}

// A07. The constructor's output is in the log, and nowhere else.
func TestNoisyConstructor(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1, Options: objects.Options{Fail: "print"}}
	cmd := command(t, "pid", a)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	e := a.endpoint(t)
	if want := fmt.Sprintln(e.PID); string(stdout) != want || stderr.Len() > 0 {
		t.Errorf("the client printed %.200q and %.200q, want %q and nothing", stdout, stderr.String(), want)
	}
	log, err := os.ReadFile(e.Log)
	if err != nil {
		t.Fatal(err)
	}
	for _, noise := range []string{"x", "y"} {
		if !bytes.Contains(log, []byte(strings.Repeat(noise, 1<<20))) {
			t.Errorf("the log has %d %s, want a MiB of them", bytes.Count(log, []byte(noise)), noise)
		}
	}
}

// A12. A daemon whose spawner is killed while the object is made serves the next client.
// TestNobodyConnects shows the daemon that no client comes to.
func TestSpawnerKilled(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		a.Options.Fail, a.IdleTTL = "sleep:300ms", -1
		a = a.witnessed()
		spawner := start(t, "hold", a)
		pid := a.born(t, 1)
		spawner.cmd.Process.Kill()
		spawner.cmd.Wait()
		if v, err := connect(t, a).Inc(t.Context()); v != 1 || err != nil {
			t.Errorf("the next client: %d, %v; want 1", v, err)
		}
		if births := a.births(t); births != 1 || a.endpoint(t).PID != pid {
			t.Errorf("%d objects were made, the last by %d; want one, by %d", births, a.endpoint(t).PID, pid)
		}
	})
}

// A12. A spawner that is stopped until its time is over finds a daemon that serves
// others by then, and leaves it alone.
func TestSpawnerStopped(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		const startTimeout = 3 * time.Second
		a.Options.Fail, a.IdleTTL = "sleep:300ms", -1
		a = a.witnessed()
		slow := a
		slow.Timeout = startTimeout
		spawner := start(t, "connect", slow)
		a.born(t, 1)
		if err := spawner.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		c := connect(t, a)
		if _, err := c.Sleep(t.Context(), startTimeout, ""); err != nil {
			t.Fatal(err)
		}
		if v, err := c.Inc(t.Context()); v != 1 || err != nil {
			t.Errorf("who came meanwhile: %d, %v; want 1", v, err)
		}
		if err := spawner.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		var said string
		if spawner.wait(t, &said); said != "<nil>" {
			t.Errorf("the spawner got: %s", said)
		}
		if v, err := c.Inc(t.Context()); v != 2 || err != nil {
			t.Errorf("who came meanwhile, then: %d, %v; want 2", v, err)
		}
	})
}

// A15. A child that is killed before it serves is replaced by another one, once. If that
// is killed as well, all clients that wait get an error that says so; the next
// client starts another one.
func TestChildKilled(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		a.Options.Fail = "hang"
		a = a.witnessed()
		clients := releaseAll(t, 3, "patient", a)
		for _, c := range clients {
			c.says(t, "waiting")
		}
		var pid int
		for n := range 2 {
			pid = a.born(t, n+1)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for _, c := range clients {
			var said string
			c.wait(t, &said)
			if !strings.Contains(said, fmt.Sprintf("process %d was ended by a signal (killed)", pid)) {
				t.Errorf("a client was told %q", said)
			}
		}
		within(t, "telling everybody", began, time.Second)
		a.failures(t, 1)
		a.heals(t, 3)
	})
}
