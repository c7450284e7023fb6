package rt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
)

// heldVar names a fifo at which a daemon's process waits before it does anything.
const heldVar = "RT_TEST_HELD"

func init() {
	addRole("few processes", playFewProcesses)
	addRole("few descriptors", playFewDescriptors)
	if fifo := os.Getenv(heldVar); fifo != "" && daemonProcess() {
		if err := holdStart(fifo); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// holdStart tells in a file that this process is there, as soon as its spawner
// has told it everything, and waits until somebody opens the fifo for writing.
func holdStart(fifo string) error {
	payload := []unix.PollFd{{Fd: 3}} // see rt/internal/process
	for payload[0].Revents&unix.POLLHUP == 0 {
		if _, err := unix.Poll(payload, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	if err := os.WriteFile(fifo+".new", fmt.Append(nil, os.Getpid()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(fifo+".new", fifo+".pid"); err != nil {
		return err
	}
	_, err := os.ReadFile(fifo)
	return err
}

// holder makes a fifo for heldVar. pid waits until a daemon's process is held
// there; open lets it go on.
func holder(t *testing.T) (env string, pid func() int, open func()) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "held")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	pid = func() (pid int) {
		eventually(t, "a child is held", func() bool {
			said, err := os.ReadFile(fifo + ".pid")
			if err != nil {
				return false
			}
			_, err = fmt.Sscan(string(said), &pid)
			return err == nil
		})
		return pid
	}
	open = func() {
		if err := os.WriteFile(fifo, nil, 0); err != nil {
			t.Error(err)
		}
	}
	return heldVar + "=" + fifo, pid, open
}

// A16. The spawner is killed between fork and lock, and another client starts a child of
// its own. One of the children gets the lock. The other reports that and exits with
// status 0, whether or not a client reads the report.
func TestOneOfTwoChildrenServes(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	// To see how the child of a dead spawner ends.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	// orphan is a child that does not have the lock yet and whose spawner is dead.
	orphan := func(a singleton) (pid int, open func()) {
		env, held, open := holder(t)
		spawner := start(t, "hold", a, withEnv(env))
		pid = held()
		spawner.cmd.Process.Kill()
		spawner.cmd.Wait()
		return pid, open
	}
	check := func(a singleton, daemon int) {
		if births := a.births(t); births != 1 || a.endpoint(t).PID != daemon {
			t.Errorf("%d objects were made, the daemon is %d; want one, by %d", births, a.endpoint(t).PID, daemon)
		}
		log, err := os.ReadFile(a.endpoint(t).Log)
		if err != nil || strings.Contains(string(log), "level=ERROR") {
			t.Errorf("the log says %s, %v", log, err)
		}
	}

	// The orphan loses.
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.witnessed()
	loser, open := orphan(a)
	var daemon int
	start(t, "pid", a).wait(t, &daemon)
	open()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(loser, &status, 0, nil); err != nil || !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("the orphan's exit status: %v, %v; want 0", status, err)
	}
	check(a, daemon)

	// The orphan wins: the loser's parent connects to it.
	a = singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.witnessed()
	winner, open := orphan(a)
	env, held, openLoser := holder(t)
	client := start(t, "pid", a, withEnv(env))
	loser = held()
	open()
	eventually(t, "the orphan makes the object", func() bool { return a.births(t) == 1 })
	openLoser()
	if client.wait(t, &daemon); daemon != winner {
		t.Errorf("the client's daemon is %d, want %d", daemon, winner)
	}
	eventually(t, "the loser is gone", func() bool {
		_, _ = syscall.Wait4(loser, nil, syscall.WNOHANG, nil) // if its parent was gone first
		return errors.Is(syscall.Kill(loser, 0), syscall.ESRCH)
	})
	check(a, winner)
}

// notStarted fails unless Connect returns a *StartError around that of the system,
// with nothing left open in this process.
func notStarted(ctx context.Context, shared *counterShared, stage rt.Stage, want error) error {
	before, err := openFiles()
	if err != nil {
		return err
	}
	_, err = shared.Connect(ctx)
	var e *rt.StartError
	if !errors.As(err, &e) || e.Stage != stage || !errors.Is(err, want) {
		return fmt.Errorf("connect said %w; want a *StartError at %q around %w", err, stage, want)
	}
	// The child has reported; one is held for it until it has ended, too.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		after, err := openFiles()
		if err != nil || after <= before {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d descriptors, %d before", after, before)
		}
	}
}

// openFiles counts this process's descriptors.
func openFiles() (int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err
}

// A17. A fork that fails is an error that says so; the lock is free again, and the
// client as good as before.
func TestNoMoreProcesses(t *testing.T) {
	t.Parallel()
	needsStrangers(t) // to become somebody whom the limit holds for
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	own := func(uid int) {
		err := filepath.WalkDir(a.Dir, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Chown(path, uid, uid))
		})
		if err != nil {
			t.Error(err)
		}
	}
	own(nobody)
	t.Cleanup(func() { own(os.Getuid()) }) // so that rttest ends what is left
	cmd := command(t, "few processes", a)
	cmd.Path, cmd.Dir = "/proc/self/exe", "/" // whose path nobody may be unable to go
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "\"ok\"\n" {
		t.Errorf("the client said %s, %v", out, err)
	}
}

func playFewProcesses(ctx context.Context, shared *counterShared, a args) (any, error) {
	// The limit counts threads, too, and a Go program that gets none when it
	// needs one ends: let it have some in store.
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() { unix.Nanosleep(&unix.Timespec{Nsec: 20e6}, nil) })
	}
	all.Wait()
	var whole unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &whole); err != nil {
		return nil, err
	}
	few := whole
	few.Cur = 1
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &few); err != nil {
		return nil, err
	}
	err := errors.Join(notStarted(ctx, shared, rt.StageSpawn, syscall.EAGAIN), unix.Setrlimit(unix.RLIMIT_NPROC, &whole))
	if err != nil {
		return nil, err
	}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		return nil, err
	}
	unlock, ok, err := d.TrySpawnLock()
	if err != nil || !ok {
		return nil, fmt.Errorf("the lock is free: %v, %w", ok, err)
	}
	unlock()
	return connectsAndEnds(ctx, shared)
}

// connectsAndEnds returns "ok" if a client can use the object, and leaves no daemon.
func connectsAndEnds(ctx context.Context, shared *counterShared) (any, error) {
	c, err := shared.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if n, err := c.Inc(ctx); n != 1 || err != nil {
		return nil, fmt.Errorf("got %d, %w; want 1", n, err)
	}
	return "ok", shared.Shutdown(ctx, rt.ShutdownDrain)
}

// A18. Too few descriptors are an error that says so, at once, and do no harm.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	began, spoke := time.Now(), 0
	// How many a client needs depends on how many it inherits.
	for n := 5; n <= 24; n++ {
		out, err := command(t, "connect", a, withShell(fmt.Sprintf("ulimit -n %d", n))).Output()
		if err != nil {
			continue // a program of Go does not even start
		}
		var said string
		if err := json.Unmarshal(out, &said); err != nil {
			t.Errorf("with %d descriptors: %s: %v", n, out, err)
		}
		lacked := strings.Contains(said, "too many open files")
		if said != "<nil>" && !lacked {
			t.Errorf("with %d descriptors: %s", n, said)
		}
		if lacked {
			spoke++
		}
		if err := share(t, a).Shutdown(t.Context(), rt.ShutdownNow); err != nil {
			t.Errorf("with %d descriptors: %v", n, err)
		}
	}
	within(t, "twenty clients", began, 5*time.Second)
	if spoke == 0 {
		t.Error("no client lacked descriptors")
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("with enough: %d, %v", n, err)
	}
}

// A18. The error of a client that has used its descriptors up says so, however many are
// missing. The client keeps none that it had opened.
func TestDescriptorsUsedUp(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	began := time.Now()
	var said string
	start(t, "few descriptors", a).wait(t, &said)
	within(t, "the client", began, 2*time.Second)
	if said != "ok" {
		t.Errorf("the client said %q", said)
	}
}

func playFewDescriptors(ctx context.Context, shared *counterShared, a args) (any, error) {
	// After this the files are open that the Go runtime opens only once.
	if _, err := shared.Status(ctx); !errors.Is(err, rt.ErrNotRunning) {
		return nil, err
	}
	next, err := unix.Dup(0)
	if err != nil {
		return nil, err
	}
	unix.Close(next)
	before, err := openFiles()
	if err != nil {
		return nil, err
	}
	var whole unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &whole); err != nil {
		return nil, err
	}
	// The client needs nine: lock, log and null device, and three pipes of which
	// one is Go's own.
	for spare := range 9 {
		few := whole
		few.Cur = uint64(next + spare)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
			return nil, err
		}
		_, err := shared.Connect(ctx)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &whole); err != nil {
			return nil, err
		}
		var e *rt.StartError
		if !errors.As(err, &e) || !errors.Is(err, syscall.EMFILE) {
			return nil, fmt.Errorf("with %d descriptors to spare: %w", spare, err)
		}
		if now, err := openFiles(); err != nil || now != before {
			return nil, fmt.Errorf("with %d descriptors to spare: %d are open, %d before, %w", spare, now, before, err)
		}
	}
	return connectsAndEnds(ctx, shared)
}
