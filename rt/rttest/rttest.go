// Package rttest is for tests of programs that share objects with loopgen: it
// keeps their daemons apart from everybody else's, and ends them.
//
//	func TestMain(m *testing.M) { rttest.Main(m) }
//
//	func TestCounter(t *testing.T) {
//		shared := counter.ShareCounter(rt.Config{Scope: rt.ScopeDir(rttest.Dir(t))}, 10)
//		defer shared.Close()
//		…
//	}
//
// Coverage is counted in the test binary's own process, so that it does not have the
// constructor and the methods, which run in the daemon. It has them with
// LOOPGEN_MODE=inprocess, where the object lives in the test binary:
//
//	LOOPGEN_MODE=inprocess go test -cover
//
// An instance of a generic type must be declared at package level before, if only
// by
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

// patience is how long a daemon may take to finish what it runs before it is
// killed.
const patience = 2 * time.Second

// Main is the body of a TestMain. It serves if this process was started as a
// daemon; otherwise it gives the test binary a base directory of its own, in
// LOOPGEN_DIR, runs the tests, ends every daemon that was started below that
// directory, and exits. It does not return.
//
// With -count=2 the daemons are ended after each run, so that no run finds an object
// of another: Main calls m.Run once for each. With -cpuprofile, -memprofile,
// -blockprofile, -mutexprofile or -trace, which cover all runs, it calls m.Run once,
// and daemons live on from run to run. They do so for the values of -cpu, too.
func Main(m *testing.M) {
	rt.ServeIfDaemon()
	if os.Getenv("GORACE") == "" {
		// A daemon built with the race detector would sleep for a second when it
		// exits, while it holds its lock.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
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

// Dir returns a new directory for rt.ScopeDir, with a path short enough for a
// socket. When the test ends, its daemons are ended, within two seconds even if
// a call still runs, and it is removed. Tests that run in parallel do not see
// each other's objects. The test binary's TestMain must call Main, unless the type
// was generated with loopgen -hook init.
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

// end ends the daemons below dir and removes it. It returns what it could not do.
func end(dir string) (problems []error) {
	for deadline := time.Now().Add(patience); ; {
		for _, d := range rundir.Existing(dir) {
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
		// A client that was killed had a daemon on its way, which came just now.
	}
}

// stop ends the daemon of one directory. The lifetime lock, not a pid, says
// whether one lives, so that no stranger who got its pid is hit.
func stop(d *rundir.Dir) error {
	asked := 0
	deadline := time.Now().Add(patience)
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
		case err != nil: // it starts or leaves
		case late:
			signalProcess(e.PID, os.Kill)
			deadline = time.Now().Add(patience)
		case e.PID != asked:
			signalProcess(e.PID, terminate)
			asked = e.PID
		}
		time.Sleep(5 * time.Millisecond) // a lock cannot be waited for and given up
	}
}

// signalProcess tells a process to end. That it has ended already is no error.
func signalProcess(pid int, sig os.Signal) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Signal(sig)
		_ = p.Release()
	}
}
