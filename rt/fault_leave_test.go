//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// E01. An idle exit never loses a call, however close it comes to the next client,
// and the next object is not made before the last one is gone.
func TestIdleRace(t *testing.T) {
	t.Parallel()
	for _, ttl := range []time.Duration{time.Millisecond, time.Microsecond} {
		t.Run(ttl.String(), func(t *testing.T) {
			eachTransport(t, func(t *testing.T, a singleton) {
				a = a.witnessed()
				a.IdleTTL = ttl
				lives := map[string][]int{}
				for _, c := range releaseAll(t, 8, "churn", a, withFor(long(time.Second)/2)) {
					var values map[string][]int
					c.wait(t, &values)
					for life, v := range values {
						lives[life] = append(lives[life], v...)
					}
				}
				for life, values := range lives {
					slices.Sort(values)
					for i, v := range values {
						if v != i+1 {
							t.Fatalf("life %s: values %v are not 1 to %d", life, values, len(values))
						}
					}
				}
				births := a.births(t)
				// On a busy machine half a second may be too short for a second life.
				if thorough() && len(lives) < 2 || births < len(lives) {
					t.Errorf("%d objects were made, and calls had answers of %v", births, slices.Collect(maps.Keys(lives)))
				}
			})
		})
	}
}

// E02. A daemon whose spawner died before anybody could connect leaves by itself. How
// long it waits is measured in TestFirstClientMayBeLate.
func TestNobodyConnects(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Millisecond, Options: objects.Options{Fail: "sleep:200ms"}}.witnessed()
	spawner := start(t, "hold", a)
	eventually(t, "the object is being made", func() bool { return a.births(t) == 1 && a.alive(t) })
	if err := spawner.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var log string
	eventually(t, "it serves", func() bool {
		logs, err := filepath.Glob(a.Dir + "/*/log")
		if err != nil || len(logs) != 1 {
			return false
		}
		log = logs[0]
		return fileContains(log, "msg=serving")
	})
	eventually(t, "it has left", func() bool { return !a.alive(t) })
	if !fileContains(log, "because=idle") {
		t.Error("the log does not tell that it was idle")
	}
	if n := a.births(t); n != 1 {
		t.Errorf("%d objects were made", n)
	}
}

// E03. A daemon that is shut down finishes and acknowledges its running calls. It does
// not begin waiting calls: the next daemon executes them. TestGoingAway checks the
// frames.
func TestShutdownDrains(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		shared := share(t, a)
		if err := shared.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
			t.Errorf("without a daemon: %v", err)
		}
		c, err := shared.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first := a.endpoint(t)
		open, result := gated(t, c)
		inc := make(chan error, 1)
		var late int
		go func() {
			var err error
			late, err = c.Inc(context.Background())
			inc <- err
		}()
		queued(t, a, 1)
		down := make(chan error, 1)
		go func() { down <- shared.Shutdown(context.Background(), rt.ShutdownDrain) }()
		eventually(t, "it is leaving", func() bool {
			s, err := share(t, a).Status(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return s.Leaving != ""
		})
		open()
		if n, err := result(); n != 1 || err != nil {
			t.Errorf("the running call: %d, %v; want its own result", n, err)
		}
		if err := <-down; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-inc; err != nil || late != 1 {
			t.Errorf("the queued call: %d, %v; want 1 of the next object", late, err)
		}
		if second := a.endpoint(t); second.PID == first.PID || second.Incarnation == first.Incarnation {
			t.Errorf("the next daemon is %d %s, the first was %d %s", second.PID, second.Incarnation, first.PID, first.Incarnation)
		}
		if !fileContains(first.Log, `msg="shut down"`) {
			t.Error("the log does not tell that it left")
		}
		if err := shared.Restart(t.Context()); err != nil {
			t.Errorf("Restart: %v", err)
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("after Restart: %d, %v", n, err)
		}
	})
}

// E04. A signal makes it finish what runs and leave; a second one does not wait for a
// method that hangs.
func TestSecondSignalDoesNotWait(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
	c := connect(t, a)
	pid := a.endpoint(t).PID
	open, result := gated(t, c)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is leaving", func() bool { return fileContains(a.endpoint(t).Log, "because=terminated") })
	open()
	if n, err := result(); n != 1 || err != nil {
		t.Errorf("the running call: %d, %v", n, err)
	}
	eventually(t, "it has left", func() bool { return !a.alive(t) })

	// A second signal does not wait for a method that hangs.
	c = connect(t, a)
	e := a.endpoint(t)
	_, result = gated(t, c)
	for range 2 {
		if err := syscall.Kill(e.PID, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it heard the signal", func() bool { return fileContains(e.Log, "pid="+strconv.Itoa(e.PID)+" because=terminated") })
	}
	eventually(t, "it has exited", func() bool { return !a.alive(t) })
	_, err := result()
	callError(t, err, rt.OutcomeUnknown)
	if !fileContains(e.Log, "exiting at once") {
		t.Error("the log does not tell of the second signal")
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil || a.births(t) != 3 {
		t.Errorf("the next client: %d, %v after %d births; want 1 after 3", n, err, a.births(t))
	}
}

// E06. The signals of a terminal to its foreground processes do not reach the daemon.
func TestTerminalSignals(t *testing.T) {
	t.Parallel()
	needsTool(t, "script")
	for how, sig := range map[string]os.Signal{"interrupt": syscall.SIGINT, "hang-up": syscall.SIGHUP} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			needs(t, fmt.Sprintf("a parent that does not have %v ignored, as nohup does", sig), !signal.Ignored(sig))
			a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
			terminal := exec.Command("script", "--quiet", "--return", "--command", os.Args[0], "/dev/null")
			terminal.Env = command(t, "hold", a).Env
			keyboard, err := terminal.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := terminal.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				terminal.Process.Kill()
				terminal.Wait()
			})
			a.clients(t, 1)
			daemon := a.endpoint(t).PID
			if how == "interrupt" {
				_, err = keyboard.Write([]byte{'C' - '@'})
			} else {
				err = terminal.Process.Kill()
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := terminal.Wait(); err == nil {
				t.Error("the client returned as if nothing had happened")
			}
			a.clients(t, 0)
			a.serves(t, daemon, 1)
		})
	}
}

// clients waits until so many are connected.
func (a singleton) clients(t *testing.T, n int) {
	t.Helper()
	observer := share(t, a)
	eventually(t, fmt.Sprintf("%d clients are connected", n), func() bool {
		s, err := observer.Status(context.Background())
		return err == nil && len(s.Clients) == n
	})
}

// serves fails the test unless the witnessed daemon with that pid serves, has
// served from the beginning, and counts to n now.
func (a singleton) serves(t *testing.T, pid, n int) {
	t.Helper()
	got, err := connect(t, a).Inc(context.Background())
	if now := a.endpoint(t).PID; got != n || err != nil || now != pid {
		t.Errorf("got %d, %v of process %d; want %d of %d", got, err, now, n, pid)
	}
	if births := a.births(t); births != 1 {
		t.Errorf("%d objects were made, want 1", births)
	}
}

// E08. The end of a job's process group, or of its session, does not end the daemon that
// the job started.
func TestProcessGroupKilled(t *testing.T) {
	t.Parallel()
	for name, attr := range map[string]*syscall.SysProcAttr{"group": {Setpgid: true}, "session": {Setsid: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
			job := command(t, "hold", a, withShell("true"))
			job.SysProcAttr = attr
			if err := job.Start(); err != nil {
				t.Fatal(err)
			}
			a.clients(t, 1)
			daemon := a.endpoint(t).PID
			if err := syscall.Kill(-job.Process.Pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			job.Wait()
			a.serves(t, daemon, 1)
		})
	}
}

// E09. The object's Close may hang or panic: the daemon leaves all the same, in
// bounded time, and the next object is not made before.
func TestCloseHangsOrPanics(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"returns", "hangs"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
			file := filepath.Join(t.TempDir(), "closed")
			shared := share(t, a)
			c := mustConnect(t, shared)
			if err := c.OnClose(t.Context(), file, how == "hangs"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			down := make(chan error, 1)
			go func() { down <- shared.Shutdown(context.Background(), rt.ShutdownDrain) }()
			eventually(t, "the object is being closed", func() bool { return fileContains(file, "closed") })
			if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil { // meanwhile
				t.Errorf("the next client: %d, %v; want 1 of a fresh object", n, err)
			}
			if err := <-down; err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 20*time.Second { // 5 s are allowed to Close
				t.Errorf("leaving took %v", took)
			}
			if n := a.births(t); n != 2 {
				t.Errorf("%d objects were made, want 2", n)
			}
		})
	}
	for _, how := range []string{"panic", "error", "goexit"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c, dir := connectOdd(t)
			callOdd[int](t, c, oddClosing, how)
			admin := shareOdd(dir, "")
			defer admin.Close()
			log := singleton{Dir: dir, Name: "odd"}.endpoint(t).Log
			if err := admin.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
				t.Error(err)
			}
			if fileContains(log, "did not return") {
				t.Error("the daemon waited for a Close that had ended")
			}
			if !fileContains(log, `msg="shut down"`) || how != "goexit" && !fileContains(log, "the object's Close") {
				t.Error("the log does not tell what became of the object's Close")
			}
			count(t, c, 1) // of a fresh one
		})
	}
}

// clockVar says that the wall clock of this process runs wild; see
// TestWallClockJumps.
const clockVar = "RT_TEST_CLOCK"

// E11. The wall clock may jump, to and fro: times are measured by the other one. Tests
// that would notice are run again in builds whose time.Now gains, or loses, an
// hour of wall time every millisecond.
func TestWallClockJumps(t *testing.T) {
	t.Parallel()
	needsTool(t, "go")
	if !thorough() {
		t.Skip("builds the standard library: set LOOPGEN_TEST_SECONDS")
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time", "time.go")
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const monotonic = "\tmono -= startNano\n"
	before, after, ok := strings.Cut(string(source), monotonic)
	if !ok || strings.Contains(after, monotonic) {
		t.Fatalf("%s has another time.Now: mend this test", file)
	}
	timed := []string{"TestWildClock", "TestIdle", "TestMethodOfDeadCaller"}
	tests := faultTests(t)
	for _, fault := range []string{"E01", "E02", "E03", "E04", "C16"} {
		timed = append(timed, tests[fault]...)
	}
	for name, gain := range map[string]int{"forward": 3600, "back": -3600} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wild := fmt.Sprintf("\tif !runtimeIsBubbled() {\n\t\tsec += mono / 1_000_000 * %d\n\t}\n", gain)
			dir := t.TempDir()
			changed, overlay, binary := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay"), filepath.Join(dir, "rt.test")
			replace, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
			if err == nil {
				err = errors.Join(os.WriteFile(overlay, replace, 0o600), os.WriteFile(changed, []byte(before+monotonic+wild+after), 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			cmd := exec.Command(binary, "-test.v", "-test.run=^("+strings.Join(timed, "|")+")$")
			cmd.Env = append(os.Environ(), clockVar+"="+name, "LOOPGEN_TEST_SECONDS=")
			out, err := cmd.CombinedOutput()
			for _, must := range []string{"TestWildClock", "TestIdle", "TestIdleRace", "TestNobodyConnects"} {
				if !strings.Contains(string(out), "--- PASS: "+must+" (") {
					err = errors.Join(err, errors.New(must+" did not pass"))
				}
			}
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestWildClock is the proof that the clock is, in TestWallClockJumps.
func TestWildClock(t *testing.T) {
	direction := os.Getenv(clockVar)
	if direction == "" {
		return
	}
	began := time.Now()
	eventually(t, "the wall clock is hours away", func() bool {
		now := time.Now()
		gained := now.Round(0).Sub(began.Round(0)) // of wall time
		return gained < -time.Hour && direction == "back" || gained > time.Hour && direction == "forward"
	})
	if took := time.Since(began); took > time.Minute {
		t.Errorf("the other clock is hours away, too: %v", took)
	}
}

// E14. A process that waits for the end of a client's output does not wait for the
// daemon's end: neither a shell, nor the go command, which reads a test binary's output
// until the last process has closed the pipe.
func TestInheritedPipes(t *testing.T) {
	t.Parallel()
	const limit = time.Minute // the daemon stays for ever
	for name, shell := range map[string]string{
		"substitution": `x=$("$0"); echo "$x"`,
		"pipe":         `"$0" | cat`,
		"both outputs": `"$0" 2>&1 | cat`,
		"background":   `"$0" & wait`,
		"test binary":  "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			cmd := exec.CommandContext(ctx, "/bin/sh", "-c", shell, os.Args[0])
			cmd.Env = command(t, "pid", a).Env
			if shell == "" { // as the go command runs it
				cmd = exec.CommandContext(ctx, os.Args[0], "-test.run=^TestThatLeavesADaemon$", "-test.v")
				cmd.Env = append(os.Environ(), leaveDaemonVar+"="+a.Dir)
			}
			var out bytes.Buffer // not a file: Wait reads a pipe until its end
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				t.Errorf("%v\n%s", err, &out)
			}
			if pid := a.endpoint(t).PID; !a.alive(t) || !strings.Contains(out.String(), strconv.Itoa(pid)) {
				t.Errorf("it printed %q, want the pid of a daemon that lives, %d", &out, pid)
			}
		})
	}
}

// leaveDaemonVar names the directory of a daemon that a test is to leave behind.
const leaveDaemonVar = "RT_TEST_LEAVE_DAEMON"

// TestThatLeavesADaemon is what TestInheritedPipes runs.
func TestThatLeavesADaemon(t *testing.T) {
	dir := os.Getenv(leaveDaemonVar)
	if dir == "" {
		return
	}
	a := singleton{Dir: dir, Name: "c", IdleTTL: -1}
	connect(t, a)
	fmt.Println(a.endpoint(t).PID)
}

// E17. The directory of a client may be gone; the daemon's own is /.
func TestRemovedWorkingDirectory(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	out, err := command(t, "pid", a, withShell("d=$(mktemp -d); cd $d; rmdir $d")).CombinedOutput()
	if err != nil || strings.Contains(string(out), "error") {
		t.Fatalf("%s, %v", out, err)
	}
	if s, err := connect(t, a).Environment(t.Context()); err != nil || s.Dir != "/" || fmt.Sprintln(s.PID) != string(out) {
		t.Errorf("the daemon %d is in %q, %v; the client said %q", s.PID, s.Dir, err, out)
	}
}

// E20. A process that opens and closes for a long time, while daemons come and go,
// keeps nothing of it.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	cycles, lives := 300, 12
	if thorough() {
		cycles, lives = 10_000, 1_000
	}
	stay := singleton{Dir: rttest.Dir(t), Name: "stay", IdleTTL: -1}
	brief := singleton{Dir: stay.Dir, Name: "brief", IdleTTL: time.Microsecond}
	once := func(a singleton) string {
		shared := objects.ShareCounter(a.config(), a.Options)
		defer shared.Close()
		c, err := shared.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		life, _, err := c.Life(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return life
	}
	for range 10 {
		once(stay)
		once(brief)
	}
	before := usage(t)
	for range cycles {
		once(stay)
	}
	// The daemon leaves by itself when it is idle; every second is killed in the
	// midst of it, with a client connected.
	seen := map[string]bool{}
	deadline := time.Now().Add(90 * time.Second)
	for len(seen) < lives && time.Now().Before(deadline) {
		if len(seen)%2 == 0 {
			seen[once(brief)] = true
			continue
		}
		shared := objects.ShareCounter(brief.config(), brief.Options)
		c, err := shared.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		life, _, err := c.Life(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen[life] = true
		s, err := c.Environment(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		shared.Close()
	}
	t.Logf("%d cycles, %d lives of the daemon", cycles, len(seen))
	brief.atRest(t)
	eventually(t, "what a long-lived client process uses is as at the start", func() bool {
		return usage(t).within(before)
	})
}

// atRest waits until no daemon of a's clients is left.
func (a singleton) atRest(t *testing.T) {
	t.Helper()
	eventually(t, "no daemon is left", func() bool { return !a.alive(t) })
}

// used is what a process has of the system.
type used struct {
	goroutines, descriptors int
	heap                    uint64
}

func usage(t *testing.T) used {
	t.Helper()
	var m runtime.MemStats
	for range 2 { // what has a finalizer or a cleanup goes at the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return used{runtime.NumGoroutine(), openDescriptors(t), m.HeapAlloc}
}

// within reports whether u is no more than before. The heap is, within what the
// collector and the test itself make of it.
func (u used) within(before used) bool {
	return u.goroutines <= before.goroutines && u.descriptors <= before.descriptors && u.heap <= before.heap+1<<20
}

// E21. Different names are different objects: none waits for another's start, and the
// end of one is nothing to the others.
func TestManyNames(t *testing.T) {
	t.Parallel()
	names := 24
	if thorough() {
		names = 100
	}
	dir := rttest.Dir(t)
	clients := make([]*objects.CounterClient, names)
	pids := make([]int, names)
	name := func(i int) singleton {
		return singleton{Dir: dir, Name: "name " + strconv.Itoa(i), Options: objects.Options{Start: 10 * i}}
	}
	each := func(do func(i int) error) {
		t.Helper()
		var all sync.WaitGroup
		for i := range names {
			all.Go(func() {
				if err := do(i); err != nil {
					t.Errorf("name %d: %v", i, err)
				}
			})
		}
		all.Wait()
	}
	each(func(i int) (err error) {
		clients[i], err = share(t, name(i), func(c *rt.Config) { c.StartTimeout = time.Minute }).Connect(context.Background())
		return err
	})
	if t.Failed() {
		return
	}
	inc := func(want func(i int) int) {
		t.Helper()
		each(func(i int) error {
			n, err := clients[i].Inc(context.Background())
			if err == nil && n != want(i) {
				err = fmt.Errorf("got %d, want %d", n, want(i))
			}
			return err
		})
	}
	inc(func(i int) int { return 10*i + 1 })
	each(func(i int) error {
		s, err := clients[i].Environment(context.Background())
		pids[i] = s.PID
		return err
	})
	if slices.Sort(pids); len(slices.Compact(slices.Clone(pids))) != names {
		t.Errorf("the daemons of %d names: %v", names, pids)
	}
	name(0).kill(t)
	inc(func(i int) int {
		if i == 0 {
			return 1 // of a fresh object
		}
		return 10*i + 2
	})
}

// When Close has returned, nothing that Connect began goes on: the directory may
// be removed, and stays so.
func TestCloseWaitsForTheAttempt(t *testing.T) {
	t.Parallel()
	for i := range 24 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			var dir string
			name := fmt.Sprintf("closing-%d-%d", os.Getpid(), rand.Int())
			connecting := make(chan error, 1)
			t.Run("a test that ends", func(t *testing.T) {
				dir = rttest.Dir(t)
				shared := share(t, singleton{Dir: dir, Name: name, IdleTTL: -1})
				begun := make(chan struct{})
				go func() {
					close(begun)
					_, err := shared.Connect(context.Background())
					connecting <- err
				}()
				<-begun
				time.Sleep(rand.N(time.Duration(i+1) * time.Millisecond)) // anywhere in the start
			})
			if err := <-connecting; err != nil && !errors.Is(err, rt.ErrClosed) {
				t.Error(err)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the directory is there again: %v", err)
			}
			if pids := processes(t, "loopgen:"+name); len(pids) != 0 {
				t.Errorf("a daemon is left: %v", pids)
			}
		})
	}
}

// processes returns the live processes that have that argument.
func processes(t *testing.T, arg string) (pids []string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range lines {
		if line, err := os.ReadFile(file); err == nil && slices.Contains(strings.Split(string(line), "\x00"), arg) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}
