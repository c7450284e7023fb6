package rt_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// sendSignals sends signals to a daemon, each after the daemon has logged the one before.
func sendSignals(t *testing.T, e *rundir.Endpoint, signals ...syscall.Signal) {
	t.Helper()
	for i, sig := range signals {
		if i > 0 {
			heard(t, e, signals[:i]...)
		}
		if err := syscall.Kill(e.PID, sig); err != nil {
			t.Fatal(err)
		}
	}
}

// heard waits until the daemon has logged the last of the signals that it was sent.
func heard(t *testing.T, e *rundir.Endpoint, signals ...syscall.Signal) {
	t.Helper()
	want := fmt.Sprintf("because=%v", signals[0])
	if n := len(signals); n > 1 {
		want = fmt.Sprintf("signal=%v", signals[n-1])
	}
	eventually(t, fmt.Sprintf("the daemon heard %v", signals), func() bool { return fileContains(e.Log, want) })
}

// closing returns a client whose object notes its Close in a file.
func closing(t *testing.T, a singleton) (c *objects.CounterClient, file string) {
	t.Helper()
	c, file = connect(t, a), filepath.Join(t.TempDir(), "closed")
	if err := c.OnClose(t.Context(), file, false); err != nil {
		t.Fatal(err)
	}
	return c, file
}

// TestSignals shows the effect of every signal that the package documentation lists:
// a drain, an exit without one, or none.
func TestSignals(t *testing.T) {
	t.Parallel()
	const hup, intr, term = unix.SIGHUP, unix.SIGINT, unix.SIGTERM
	drains := [][]syscall.Signal{{hup}, {intr}, {term}, {hup, hup}, {term, hup}, {intr, hup}, {hup, term}}
	exits := [][]syscall.Signal{
		{term, term}, {intr, term}, {term, intr}, {hup, term, intr}, {term, hup, term},
		{unix.SIGQUIT}, {unix.SIGABRT}, {unix.SIGKILL},
	}
	none := []syscall.Signal{
		unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGCHLD, unix.SIGCONT, unix.SIGURG, unix.SIGWINCH,
		unix.SIGXCPU, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU,
	}
	run := func(what string, signals []syscall.Signal, test func(t *testing.T, a singleton, signal func())) {
		t.Run(fmt.Sprint(what, signals), func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c"}
			connect(t, a)
			e := a.endpoint(t)
			test(t, a, func() { sendSignals(t, e, signals...) })
		})
	}
	for _, signals := range drains {
		run("drain", signals, func(t *testing.T, a singleton, _ func()) { drainsOn(t, a, signals...) })
	}
	for _, signals := range exits {
		run("exit", signals, func(t *testing.T, a singleton, signal func()) {
			c, file := closing(t, a)
			_, result := gated(t, c)
			signal()
			_, err := result()
			callError(t, err, rt.OutcomeUnknown)
			eventually(t, "it has exited", func() bool { return !a.alive(t) })
			if fileContains(file, "closed") {
				t.Error("the object was closed while a call ran")
			}
		})
	}
	run("none", none, func(t *testing.T, a singleton, _ func()) {
		c := connect(t, a)
		for i, sig := range none {
			if err := syscall.Kill(a.endpoint(t).PID, sig); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Inc(t.Context()); n != i+1 || err != nil {
				t.Errorf("a call after %v: %d, %v; want %d", sig, n, err, i+1)
			}
		}
		if s, err := share(t, a).Status(t.Context()); s.Leaving != "" || err != nil {
			t.Errorf("the daemon leaves: %q, %v", s.Leaving, err)
		}
	})
}

// drainsOn fails the test unless signals make the daemon finish the running call,
// close the object, and leave.
func drainsOn(t *testing.T, a singleton, signals ...syscall.Signal) {
	t.Helper()
	c, file := closing(t, a)
	e := a.endpoint(t)
	open, result := gated(t, c)
	sendSignals(t, e, signals...)
	heard(t, e, signals...)
	open()
	if n, err := result(); n != 1 || err != nil {
		t.Errorf("the running call: %d, %v; want its result", n, err)
	}
	eventually(t, "it has left", func() bool { return !a.alive(t) })
	if !fileContains(file, "closed") {
		t.Error("the object was not closed")
	}
}

// TestSignalsWhateverWasInherited shows that a daemon whose first client ignores or
// blocks signals drains all the same.
func TestSignalsWhateverWasInherited(t *testing.T) {
	t.Parallel()
	for _, inherited := range []string{"ignored", "blocked"} {
		for _, sig := range []syscall.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM} {
			t.Run(inherited+" "+unix.SignalName(sig), func(t *testing.T) {
				t.Parallel()
				a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}
				shell := ""
				if inherited == "ignored" {
					shell = "trap '' HUP INT TERM"
				}
				first := command(t, "pid", a, withShell(shell))
				unblock := func() {}
				if inherited == "blocked" {
					unblock = block(t, unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
				}
				out, err := first.Output()
				unblock()
				if err != nil || strings.Contains(string(out), "error") {
					t.Fatalf("%s, %v", out, err)
				}
				drainsOn(t, a, sig)
			})
		}
	}
}

// block blocks signals in the calling goroutine's thread, and so in the processes that
// it starts, until unblock is called.
func block(t *testing.T, signals ...syscall.Signal) (unblock func()) {
	t.Helper()
	runtime.LockOSThread()
	var set, before unix.Sigset_t
	for _, sig := range signals {
		word := 8 * int(unsafe.Sizeof(set.Val[0]))
		set.Val[(int(sig)-1)/word] |= 1 << ((int(sig) - 1) % word)
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &before); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	}
}
