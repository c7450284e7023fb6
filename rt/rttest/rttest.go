// Package rttest is for tests of programs that share objects with loopgen. It separates
// the daemons of a test from all others, and ends them.
//
//	func TestMain(m *testing.M) { rttest.Main(m) }
//
//	func TestCounter(t *testing.T) {
//		shared := counter.ShareCounter(rt.Config{Scope: rt.ScopeDir(rttest.Dir(t))}, 10)
//		defer shared.Close()
//		…
//	}
//
// Coverage counts only the test binary's own process. The constructor and the methods
// run in the daemon, so coverage excludes them. With LOOPGEN_MODE=inprocess the object
// lives in the test binary, and coverage includes them:
//
//	LOOPGEN_MODE=inprocess go test -cover
//
// Arguments are copies. If a method changes one and the change stays in the daemon, Main
// makes the call fail: it sets LOOPGEN_CHECK=1 unless the variable is set. Only types
// whose package has no goroutines, timers, channel sends and callbacks are checked.
//
// An instance of a generic type must also be declared at package level, for example by
//
//	var _ = cache.ShareCache[string, int](rt.Config{}, 10)
package rttest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// drainTimeout is the time for a daemon to finish its running calls. After it the daemon
// is killed.
const drainTimeout = 2 * time.Second

// Main is the body of a TestMain. In a process that was started as a daemon it serves.
// Otherwise it sets LOOPGEN_DIR to a new directory, and LOOPGEN_CHECK to 1 unless it is
// set, and runs the tests. Then it ends
// every daemon below that directory, removes the directory, and exits with the status
// of m.Run, or with 1 if that is 0 and a daemon cannot be ended. It does not return. If a call still runs,
// its daemon is killed after 2 s.
//
// With -count=2 Main calls m.Run once for each run and ends the daemons after each, so
// that no run finds an object of another. With -cpuprofile, -memprofile, -blockprofile,
// -mutexprofile or -trace, which cover all runs, it calls m.Run only once, and daemons
// live from run to run. For the values of -cpu, too, daemons live from one to the next.
func Main(m *testing.M) {
	rt.ServeIfDaemon()
	if os.Getenv("GORACE") == "" {
		// Otherwise a daemon built with the race detector sleeps for a second at its
		// exit, while it holds its lock.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	if os.Getenv("LOOPGEN_CHECK") == "" {
		os.Setenv("LOOPGEN_CHECK", "1")
	}
	dir, err := os.MkdirTemp("", "lg")
	if err == nil {
		err = os.Setenv("LOOPGEN_DIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rttest:", err)
		os.Exit(1)
	}
	code := run(m, dir)
	if problems := end(dir); len(problems) > 0 {
		complain(problems)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Dir returns a new directory for rt.ScopeDir. Its path is short enough for a socket.
// At the end of the test Dir ends the daemons below the directory and removes it. A
// daemon that still runs a call is killed after 2 s. Tests that run in parallel do not
// share objects. The TestMain of the test binary must call Main, unless the type was
// generated with loopgen -hook init. If Dir cannot make the directory, the test fails
// at once; if it cannot end a daemon, the test fails at its end. It may be called
// concurrently.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, problem := range end(dir) {
			t.Error("rttest:", problem)
		}
	})
	return dir
}

// end ends the daemons below dir and removes dir. It returns the errors.
func end(dir string) (problems []error) {
	for deadline := time.Now().Add(drainTimeout); ; {
		dirs, _ := rundir.Existing(dir) // RemoveAll reports a directory that cannot be read
		for _, d := range dirs {
			if err := stop(d); err != nil {
				problems = append(problems, err)
			}
		}
		err := os.RemoveAll(dir)
		switch {
		case err == nil:
			return problems
		case len(problems) > 0 || time.Now().After(deadline):
			return append(problems, err)
		}
		// A killed client may have started a daemon that has just appeared.
	}
}

// stop ends the daemon of one directory. The lifetime lock, not the pid, says whether
// the daemon lives: the pid may belong to another process by now.
func stop(d *rundir.Dir) error {
	asked := 0
	deadline := time.Now().Add(drainTimeout)
	for {
		alive, err := d.Alive()
		if err != nil || !alive {
			return err
		}
		e, err := d.ReadEndpoint()
		late := time.Now().After(deadline)
		switch {
		case err != nil && late:
			return fmt.Errorf("a daemon in %s cannot be ended: %w", d.Path(), err)
		case err != nil: // the daemon starts or shuts down
		case late:
			signalProcess(e.PID, os.Kill)
			deadline = time.Now().Add(drainTimeout)
		case e.PID != asked:
			signalProcess(e.PID, terminate)
			asked = e.PID
		}
		time.Sleep(5 * time.Millisecond) // waiting for a lock cannot be cancelled
	}
}

// signalProcess sends sig to a process. It ignores errors, since the process may have
// ended already.
func signalProcess(pid int, sig os.Signal) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Signal(sig)
		_ = p.Release()
	}
}
