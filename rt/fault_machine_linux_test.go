package rt_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
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
	roles["few processes"] = playFewProcesses
	roles["few descriptors"] = playFewDescriptors
	roles["no room"] = playNoRoom
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

// The spawner is killed between fork and lock, and another client starts a child
// of its own. One of the children gets the lock; the other says so, and ends
// well, whether anybody hears it or not.
func TestFaultA16TwoChildren(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	// To see how the child of a dead spawner ends.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	// orphan is a child that does not have the lock yet and whose spawner is dead.
	orphan := func(a args) (pid int, open func()) {
		env, held, open := holder(t)
		spawner := start(t, "hold", a, env)
		pid = held()
		spawner.cmd.Process.Kill()
		spawner.cmd.Wait()
		return pid, open
	}
	check := func(a args, daemon int) {
		if births := a.births(t); births != 1 || a.endpoint(t).PID != daemon {
			t.Errorf("%d objects were made, the daemon is %d; want one, by %d", births, a.endpoint(t).PID, daemon)
		}
		log, err := os.ReadFile(a.endpoint(t).Log)
		if err != nil || strings.Contains(string(log), "level=ERROR") {
			t.Errorf("the log says %s, %v", log, err)
		}
	}

	// The orphan loses.
	a := args{Dir: rttest.Dir(t), Name: "c"}.witnessed()
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
	a = args{Dir: rttest.Dir(t), Name: "c"}.witnessed()
	winner, open := orphan(a)
	env, held, openLoser := holder(t)
	client := start(t, "pid", a, env)
	loser = held()
	open()
	eventually(t, "the orphan makes the object", func() bool { return a.births(t) == 1 })
	openLoser()
	if client.wait(t, &daemon); daemon != winner {
		t.Errorf("the client's daemon is %d, want %d", daemon, winner)
	}
	eventually(t, "the loser is gone", func() bool { return errors.Is(syscall.Kill(loser, 0), syscall.ESRCH) })
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
	after, err := openFiles()
	if err == nil && after != before {
		err = fmt.Errorf("%d descriptors, %d before", after, before)
	}
	return err
}

// openFiles counts this process's descriptors.
func openFiles() (int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err
}

// A fork that fails is an error that says so; the lock is free again, and the
// client as good as before.
func TestFaultA17NoMoreProcesses(t *testing.T) {
	t.Parallel()
	needsRoot(t) // to become somebody whom the limit holds for
	a := args{Dir: rttest.Dir(t), Name: "c"}
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
	cmd := command(t, "", "few processes", a)
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

// connectsAndEnds says "ok" if the object is to be had, and leaves no daemon.
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

// Too few descriptors are an error that says so, at once, and do no harm: not in
// a client that has hardly any from the beginning,
func TestFaultA18FewDescriptors(t *testing.T) {
	t.Parallel()
	a := args{Dir: rttest.Dir(t), Name: "c"}
	began, spoke := time.Now(), 0
	for n := 5; n <= 16; n++ {
		out, err := command(t, fmt.Sprintf("ulimit -n %d", n), "connect", a).Output()
		if err != nil {
			continue // a program of Go does not even start
		}
		said := string(out)
		if !strings.Contains(said, "<nil>") && !strings.Contains(said, "too many open files") {
			t.Errorf("with %d descriptors: %s", n, said)
		}
		if strings.Contains(said, "too many open files") {
			spoke++
		}
		if err := share(t, a).Shutdown(t.Context(), rt.ShutdownNow); err != nil {
			t.Errorf("with %d descriptors: %v", n, err)
		}
	}
	within(t, "twelve clients", began, 5*time.Second)
	if spoke == 0 {
		t.Error("no client lacked descriptors")
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("with enough: %d, %v", n, err)
	}
}

// nor in one that has used them up.
func TestFaultA18DescriptorsUsedUp(t *testing.T) {
	t.Parallel()
	a := args{Dir: rttest.Dir(t), Name: "c"}
	began := time.Now()
	var said string
	start(t, "few descriptors", a).wait(t, &said)
	within(t, "the client", began, 2*time.Second)
	if said != "ok" {
		t.Errorf("the client said %q", said)
	}
}

func playFewDescriptors(ctx context.Context, shared *counterShared, a args) (any, error) {
	// What the runtime opens once and for all is open after this.
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

// Where there is no room to publish, nothing is left that only looks like a
// daemon; as soon as there is room, there is one.
func TestFaultA19NoRoomToPublish(t *testing.T) {
	t.Parallel()
	a := args{Dir: rttest.Dir(t), Name: "c"}
	cmd := mounted(t, `mount -t tmpfs -o size=64k,mode=0700 none "$dir"; exec "$0"`, "no room", a)
	cmd.Env = append(cmd.Env, "dir="+a.Dir)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "\"ok\"\n" {
		t.Errorf("the client said %s, %v", out, err)
	}
}

func playNoRoom(ctx context.Context, shared *counterShared, a args) (any, error) {
	defer shared.Shutdown(ctx, rt.ShutdownNow)
	filler, err := os.Create(filepath.Join(a.Dir, "filler"))
	if err != nil {
		return nil, err
	}
	defer filler.Close()
	if _, err := filler.Write(make([]byte, 1<<20)); !errors.Is(err, syscall.ENOSPC) {
		return nil, fmt.Errorf("the disk is not full: %w", err)
	}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		return nil, err
	}
	for range 2 {
		if err := notStarted(ctx, shared, rt.StagePublish, syscall.ENOSPC); err != nil {
			return nil, err
		}
		if _, err := d.ReadEndpoint(); !errors.Is(err, rundir.ErrAbsent) {
			return nil, fmt.Errorf("an endpoint is left: %w", err)
		}
		for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) { // it has reported, and exits
			alive, err := d.Alive()
			if err == nil && !alive {
				break
			}
			if err != nil || time.Now().After(deadline) {
				return nil, fmt.Errorf("a daemon is left: %v, %w", alive, err)
			}
		}
	}
	if err := os.Remove(filler.Name()); err != nil {
		return nil, err
	}
	filler.Close()
	return connectsAndEnds(ctx, shared)
}

// A base directory that cannot be written is named, with the reason; nothing is
// tried elsewhere.
func TestFaultA22ReadOnly(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{
		"empty": "",
		"used":  roleVar + `=increment "$0" >&2; ` + roleVar + `="shut down" "$0" >&2`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := args{Dir: rttest.Dir(t), Name: "c"}
			cmd := mounted(t, `
mount -t tmpfs -o mode=0700 none "$dir"
`+before+`
mount -o remount,ro "$dir"
exec "$0"`, "connect", a)
			cmd.Env = append(cmd.Env, "dir="+a.Dir)
			began := time.Now()
			out, err := cmd.Output()
			within(t, "the answer", began, 2*time.Second)
			said := string(out)
			if err != nil || !strings.Contains(said, "directory: ") || !strings.Contains(said, a.Dir+"/") || !strings.Contains(said, "read-only file system") {
				t.Errorf("the client said %s, %v; want an error with path and reason", said, err)
			}
		})
	}
}

// The image that runs is the image that serves, whatever became of its file.
func TestFaultA25ProgramReplaced(t *testing.T) {
	const script = "#!/bin/sh\necho wrong\n"
	for name, replace := range map[string]func(path string) error{
		"deleted": os.Remove,
		"rewritten": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte(script), 0o700))
		},
		"renamed over": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte(script), 0o700), os.Rename(path+".new", path))
		},
		"moved": func(path string) error { return os.Rename(path, path+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := args{Dir: rttest.Dir(t), Name: "c", N: 1}.witnessed()
			program := filepath.Join(t.TempDir(), "program")
			// Not written by this process: what it forks meanwhile would have the
			// file open for writing, and nobody could execute it.
			if out, err := exec.Command("cp", os.Args[0], program).CombinedOutput(); err != nil {
				t.Fatalf("%s, %v", out, err)
			}
			image, err := os.Stat(program)
			if err != nil {
				t.Fatal(err)
			}
			waiting := a
			waiting.Barrier = true
			cmd := command(t, "", "increment", waiting)
			cmd.Path = program
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := replace(program); err != nil {
				t.Error(err)
			}
			stdin.Close()
			if err := cmd.Wait(); err != nil || out.String() != "ready\n[1]\n" {
				t.Errorf("the client said %q, %v", out.String(), err)
			}
			running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", a.endpoint(t).PID))
			if err != nil || !os.SameFile(running, image) {
				t.Errorf("the daemon runs another image than the client: %v", err)
			}
			if n, err := connect(t, a).Inc(t.Context()); n != 2 || err != nil {
				t.Errorf("a client of another build: %d, %v; want 2", n, err)
			}
			if births := a.births(t); births != 1 {
				t.Errorf("%d objects were made, want one", births)
			}
		})
	}
}

// Programs of the go command are deleted when they end. The daemon is unaffected,
// and the next program, another build, finds it.
func TestFaultA26DeletedPrograms(t *testing.T) {
	t.Parallel()
	needsTool(t, "go")
	const example = "../examples/counter"
	a := args{Dir: rttest.Dir(t), Name: "counter-example"}
	inside := filepath.Join(t.TempDir(), "inside_test.go")
	overlay := filepath.Join(filepath.Dir(inside), "overlay.json")
	path, err := filepath.Abs(example + "/inside_test.go")
	if err == nil {
		err = errors.Join(
			os.WriteFile(inside, []byte(exampleTest), 0o600),
			os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace": {%q: %q}}`, path, inside), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	runTest := []string{"test", "-overlay=" + overlay, "-vet=off", "-count=1", "-v", example}
	runs := [][]string{
		{"run", example, "-n=1", "-idle=-1s"},
		{"run", "-ldflags=-s", example, "-n=1"},
	}
	daemon := 0
	for i, run := range append([][]string{runTest}, runs...) {
		cmd := exec.Command("go", run...)
		cmd.Env = append(os.Environ(), "LOOPGEN_DIR="+a.Dir)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), fmt.Sprintf("count %d\n", i+1)) {
			t.Fatalf("go %v: %s, %v; want count %d", run, out, err, i+1)
		}
		if daemon == 0 {
			daemon = a.endpoint(t).PID
			exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", daemon))
			if err != nil || !strings.HasSuffix(exe, " (deleted)") {
				t.Errorf("the daemon's program is %s, %v; want one that was deleted", exe, err)
			}
		}
		if now := a.endpoint(t).PID; now != daemon {
			t.Errorf("go %v: daemon %d, want %d as before", run, now, daemon)
		}
	}
}

const exampleTest = `package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/loopgen/loopgen/rt"
)

func TestMain(m *testing.M) {
	rt.ServeIfDaemon()
	os.Exit(m.Run())
}

func TestCount(t *testing.T) {
	shared := ShareCounter(rt.Config{Name: "counter-example", IdleTTL: -1})
	defer shared.Close()
	client, err := shared.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := client.Inc(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("count", n)
}
`

// Directories and files are this user's alone, and usable, whatever the umask.
func TestFaultA29Umask(t *testing.T) {
	for _, umask := range []string{"0000", "0777"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			a := args{Dir: rttest.Dir(t), Name: "c"}
			if out, err := command(t, "umask "+umask, "pid", a).CombinedOutput(); string(out) != fmt.Sprintln(a.endpoint(t).PID) {
				t.Fatalf("%s, %v", out, err)
			}
			files := 0
			err := filepath.WalkDir(a.Dir, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || path == a.Dir {
					return err
				}
				info, err := entry.Info()
				if err != nil {
					return err
				}
				want := fs.FileMode(0o600)
				if info.IsDir() {
					want = 0o700
				}
				if info.Mode().Perm() != want {
					t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
				}
				files++
				return nil
			})
			if want := 7; files != want || err != nil { // directory, locks, start, endpoint, socket, log
				t.Errorf("%d files, %v; want %d", files, err, want)
			}
		})
	}
}
