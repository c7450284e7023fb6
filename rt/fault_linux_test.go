package rt_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// aloneVar makes a test run that needs a process of its own.
const aloneVar = "RT_TEST_ALONE"

// alone runs the test in a process of its own and reports whether this is it.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVar) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), aloneVar+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// A daemon that was shut down has ended well. Its exit status goes to whoever
// adopted it from the client that started it.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Skip("no way to adopt a daemon here: ", err)
	}
	for _, mode := range []rt.ShutdownMode{rt.ShutdownDrain, rt.ShutdownNow} {
		a := args{Dir: rttest.Dir(t), Name: "c"}
		spawner := start(t, "hold", a)
		spawner.line(t) // "connected"
		pid := a.endpoint(t).PID
		spawner.cmd.Process.Kill()
		spawner.cmd.Wait()
		if err := share(t, a).Shutdown(context.Background(), mode); err != nil {
			t.Fatal(err)
		}
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || !status.Exited() || status.ExitStatus() != 0 {
			t.Errorf("mode %v: exit status %v, %v; want 0", mode, status, err)
		}
	}
}

// A process that started daemons keeps one goroutine for each that lives, and
// nothing of those that died.
func TestCostOfStarts(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	const daemons = 8
	begin := func(a args) {
		shared := share(t, a)
		if err := shared.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		shared.Close()
	}
	dir := rttest.Dir(t)
	name := func(i int) args { return args{Dir: dir, Name: string(rune('a' + i)), IdleTTL: -1} }
	begin(name(daemons))
	eventually(t, "the connection's goroutines have ended", func() bool { return runtime.NumGoroutine() <= 8 })
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	for i := range daemons {
		begin(name(i))
	}
	most := 0
	eventually(t, "one goroutine for each daemon", func() bool {
		most++
		now := runtime.NumGoroutine()
		if most > 500 {
			t.Fatalf("%d goroutines for %d daemons, %d before", now, daemons, goroutines)
		}
		return now <= goroutines+daemons
	})
	if now := openDescriptors(t); now > descriptors {
		t.Errorf("%d descriptors, %d before", now, descriptors)
	}
	for i := range daemons + 1 {
		pid := name(i).endpoint(t).PID
		name(i).kill(t)
		eventually(t, "no zombie is left", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	}
}
