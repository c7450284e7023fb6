//go:build linux

package rt_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// straceVar makes the first daemon that is started with it run under strace: it
// holds strace's arguments, of which the second is the file that strace writes.
const straceVar = "RT_TEST_STRACE"

// crashCalls are the system calls before which a process is killed: those that
// other processes can see.
const crashCalls = "%file,%network,fchmod,flock,ftruncate,fsync,fcntl,pipe2,write,close,getdents64,clone,clone3,vfork"

func init() {
	addRole("life", func(ctx context.Context, shared *counterShared, _ args) (any, error) { return newLife(ctx, shared) })
	told := strings.Split(os.Getenv(straceVar), " ")
	if len(told) < 2 || len(os.Args) < 2 || !strings.HasPrefix(os.Args[1], "loopgen:") {
		return // not a daemon, or not one to trace
	}
	first, err := os.OpenFile(told[1], os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	first.Close()
	if err := becomeTraced(told); err != nil {
		fmt.Fprintln(os.Stderr, "cannot run under strace:", err)
		os.Exit(1)
	}
}

// becomeTraced begins this daemon anew, with the number and the pipes it has, as
// strace's tracee.
func becomeTraced(strace []string) error {
	path, err := exec.LookPath("strace")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// As its parent passed them: see rt/internal/process.
	os.Setenv("LOOPGEN_DAEMON", "1 3 4 -")
	for fd := uintptr(3); fd <= 4; fd++ {
		if _, err := unix.FcntlInt(fd, unix.F_SETFD, 0); err != nil {
			return err
		}
	}
	argv := append([]string{"strace", "-DDD", "-f"}, strace...)
	return syscall.Exec(path, append(append(argv, self), os.Args[1:]...), os.Environ())
}

// life is a call's answer: which object, and its count.
type life struct {
	ID  string
	Sum int
}

func newLife(ctx context.Context, shared *counterShared) (l life, err error) {
	c, err := shared.Connect(ctx)
	if err == nil {
		l.ID, l.Sum, err = c.Life(ctx)
	}
	return l, err
}

// crashPoint is the n-th call of that name on one of the threads of a process.
type crashPoint struct {
	call string
	n    int
}

func (p crashPoint) String() string { return fmt.Sprintf("%s-%d", p.call, p.n) }

// A daemon that starts or leaves, and the client that starts it, may be killed
// before any system call of theirs: the next client connects, there are never two
// daemons, no acknowledged call is lost, and nothing stays behind.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	needsTool(t, "strace")
	needs(t, "ptrace", exec.Command("strace", "-o", os.DevNull, "true").Run() == nil)
	for name, crash := range map[string]func(t *testing.T, strace ...string) (trace string){
		"daemon starts": func(t *testing.T, strace ...string) string { return crashStart(t, daemonUnderStrace, strace) },
		"client starts": func(t *testing.T, strace ...string) string { return crashStart(t, clientUnderStrace, strace) },
		"daemon leaves": crashLeaving,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			points := crashPoints(crash(t, "-e", "trace="+crashCalls))
			if len(points) < 10 {
				t.Fatalf("%d calls were traced: %v", len(points), points)
			}
			if !thorough() {
				points = spread(points, 10)
			}
			var killed atomic.Int32
			t.Run("at", func(t *testing.T) {
				slots := make(chan struct{}, 4)
				for _, p := range points {
					t.Run(p.String(), func(t *testing.T) {
						t.Parallel()
						slots <- struct{}{}
						defer func() { <-slots }()
						trace := crash(t, "-e", "trace="+p.call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", p.call, p.n))
						if strings.Contains(trace, "killed by SIGKILL") {
							killed.Add(1)
						}
					})
				}
			})
			t.Logf("killed at %d of %d points", killed.Load(), len(points))
			// Threads share the work differently each time.
			if int(killed.Load()) < len(points)/2 {
				t.Errorf("only %d of %d points were met: %v", killed.Load(), len(points), points)
			}
		})
	}
}

// spread picks n points from first to last.
func spread(points []crashPoint, n int) []crashPoint {
	if len(points) <= n {
		return points
	}
	picked := make([]crashPoint, n)
	for i := range picked {
		picked[i] = points[i*(len(points)-1)/(n-1)]
	}
	return picked
}

// crashPoints returns the calls of a trace.
func crashPoints(trace string) (points []crashPoint) {
	counts := map[string]map[string]int{} // by thread and call
	seen := map[crashPoint]bool{}
	for line := range strings.Lines(trace) {
		thread, rest, _ := strings.Cut(line, " ")
		call, _, ok := strings.Cut(strings.TrimSpace(rest), "(")
		if !ok || strings.Contains(call, " ") { // the end of a call, or of a process
			continue
		}
		if counts[thread] == nil {
			counts[thread] = map[string]int{}
		}
		counts[thread][call]++
		if p := (crashPoint{call, counts[thread][call]}); !seen[p] {
			seen[p] = true
			points = append(points, p)
		}
	}
	return points
}

// single makes the points depend less on which thread does what.
const single = "GOMAXPROCS=1"

// crashStart starts a client which finds no daemon, checks that the next client works in
// each case, and returns the trace.
func crashStart(t *testing.T, begin func(t *testing.T, a singleton, strace []string) *client, strace []string) string {
	a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
	trace := filepath.Join(t.TempDir(), "trace")
	began := time.Now()
	first := begin(t, a, append([]string{"-o", trace}, strace...))
	// The client got an answer, an error, or was killed before either.
	var before life
	if said, err := first.stdout.ReadString('\n'); err == nil {
		if err := json.Unmarshal([]byte(said), &before); err != nil {
			t.Errorf("the first client said %q: %v", said, err)
		}
	}
	_ = first.cmd.Wait()
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the first client needed %v", took)
	}
	recovered(t, a, before)
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func daemonUnderStrace(t *testing.T, a singleton, strace []string) *client {
	return start(t, "life", a, withEnv(single, straceVar+"="+strings.Join(strace, " ")))
}

func clientUnderStrace(t *testing.T, a singleton, strace []string) *client {
	t.Helper()
	cmd := command(t, "life", a, withEnv(single))
	cmd.Args = append(append([]string{"strace", "-f", "-b", "execve"}, strace...), cmd.Path)
	var err error
	if cmd.Path, err = exec.LookPath("strace"); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() // no effect once it was waited for
		cmd.Wait()
	})
	return &client{cmd: cmd, stdout: bufio.NewReader(out)}
}

// crashLeaving shuts a daemon down that strace has attached to, checks that the next
// client works in each case, and returns the trace.
func crashLeaving(t *testing.T, strace ...string) string {
	needsRoot(t) // or strace might not be allowed to attach
	a := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed()
	trace := filepath.Join(t.TempDir(), "trace")
	var before life
	start(t, "life", a, withEnv(single)).wait(t, &before)
	cmd := exec.Command("strace", append(strace, "-f", "-o", trace, "-p", strconv.Itoa(a.endpoint(t).PID))...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if said, err := bufio.NewReader(stderr).ReadString('\n'); err != nil || !strings.Contains(said, "attached") {
		t.Errorf("strace said %q, %v", said, err)
	}
	if err := share(t, a).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it ends as the daemon did
	recovered(t, a, before)
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// recovered lets a client call after a daemon, or a client that started one, was killed.
// It then checks the files that the last daemon leaves.
func recovered(t *testing.T, a singleton, before life) {
	t.Helper()
	began := time.Now()
	next, err := newLife(t.Context(), share(t, a))
	if fault := (*rt.CallError)(nil); errors.As(err, &fault) && fault.Outcome == rt.OutcomeUnknown {
		next, err = newLife(t.Context(), share(t, a)) // the daemon was killed only now
	}
	if err != nil {
		t.Fatalf("the next client after %+v: %v", before, err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the next client needed %v", took)
	}
	want := 1
	if next.ID == before.ID {
		want = before.Sum + 1
	}
	// The call of a killed client may have been executed without an answer.
	if next.Sum != want && !(before.ID == "" && next.Sum == 2) {
		t.Errorf("the next client got %+v after %+v", next, before)
	}
	shutDown := func() {
		if err := share(t, a).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
			t.Error(err)
		}
	}
	shutDown()
	a.births(t)
	if len(strays(t, a)) > 0 { // half of a file is replaced when the file is
		if _, err := newLife(t.Context(), share(t, a)); err != nil {
			t.Error(err)
		}
		shutDown()
	}
	for _, path := range strays(t, a) {
		t.Errorf("left behind: %s", path)
	}
}
