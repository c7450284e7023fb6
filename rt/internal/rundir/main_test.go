//go:build unix

package rundir_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// The test binary also runs in the roles of other processes: RUNDIR_TEST_PART names the role,
// and RUNDIR_TEST_ARGUMENTS has its arguments.
const (
	partVariable     = "RUNDIR_TEST_PART"
	argumentVariable = "RUNDIR_TEST_ARGUMENTS"
)

func TestMain(m *testing.M) {
	os.Unsetenv("LOOPGEN_DIR")
	part, ok := parts[os.Getenv(partVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	time.AfterFunc(time.Minute, func() { os.Exit(99) }) // the processes of a killed test exit
	args := strings.Fields(os.Getenv(argumentVariable))
	if umask, err := strconv.ParseInt(args[1], 8, 32); err == nil {
		unix.Umask(int(umask))
	}
	dir, err := rundir.Open(args[0], "name")
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	if err := part(dir); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// parts are the roles of other processes. A role that waits goes on at the end of standard
// input, which many processes may share.
var parts = map[string]func(*rundir.Dir) error{
	// hold acquires the lifetime lock and holds it until the end of standard input.
	"hold": func(d *rundir.Dir) error {
		if _, err := d.AcquireDaemonLock(context.Background()); err != nil {
			return err
		}
		// Nothing refers to the lock any more.
		runtime.GC()
		runtime.GC()
		fmt.Println("held")
		return untilEnd()
	},
	// race starts at the same time as all others, tries once and prints the result.
	"race": func(d *rundir.Dir) error {
		if err := untilEnd(); err != nil {
			return err
		}
		_, err := d.AcquireDaemonLock(context.Background())
		if err != nil && !errors.Is(err, rundir.ErrHeld) {
			return err
		}
		fmt.Println(err == nil)
		_, err = io.Copy(io.Discard, os.NewFile(3, "until all have tried"))
		return err
	},
	// herd does the work of a client that starts a daemon, at the same time as all others.
	"herd": func(d *rundir.Dir) error {
		for range 5 {
			unlock, err := spawnLock(d)
			if err != nil {
				return err
			}
			s, err := d.ReadStart()
			if err == nil {
				s.Failures++
				err = d.WriteStart(s)
			}
			unlock()
			if err != nil {
				return err
			}
		}
		return nil
	},
	"spawn lock": func(d *rundir.Dir) error {
		if _, err := spawnLock(d); err != nil {
			return err
		}
		fmt.Println("held")
		return untilEnd()
	},
	"publish": func(d *rundir.Dir) error {
		life, err := d.AcquireDaemonLock(limited())
		if err == nil {
			err = life.Publish(sample())
		}
		if err == nil {
			_, err = d.ReadEndpoint()
		}
		return err
	},
}

func untilEnd() error {
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// limited returns a context that ends only after a normal test has ended, so that a test
// that hangs fails.
func limited() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func open(t *testing.T) *rundir.Dir {
	t.Helper()
	d, err := rundir.Open(t.TempDir(), "name")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// process returns a command that runs this test binary in one of the roles, in the directory
// "name" below base.
func process(t *testing.T, part, base, umask string) *exec.Cmd {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(limited(), own)
	cmd.Env = append(os.Environ(), partVariable+"="+part, argumentVariable+"="+base+" "+umask)
	return cmd
}

// other is a process that has printed "held".
type other struct {
	cmd   *exec.Cmd
	input io.Closer
}

func startOther(t *testing.T, part string, d *rundir.Dir) *other {
	t.Helper()
	cmd := process(t, part, filepath.Dir(d.Path()), "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := &other{cmd, in}
	t.Cleanup(o.kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process: %q, %v", line, err)
	}
	return o
}

// kill sends SIGKILL and returns when the process has exited.
func (o *other) kill() {
	o.cmd.Process.Kill()
	o.cmd.Wait()
}

// alone runs the calling test again in a process of its own, since only the end of a process
// releases a lifetime lock. It returns true in that process. In the first process it returns
// false when the other one has passed.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("RUNDIR_TEST_ALONE") != "" {
		return true
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(limited(), own, "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), "RUNDIR_TEST_ALONE=1")
	text, err := cmd.CombinedOutput()
	if err == nil && strings.Contains(string(text), "--- SKIP: "+t.Name()) {
		t.Skipf("%s", text)
	}
	if err != nil || !strings.Contains(string(text), "--- PASS: "+t.Name()) {
		t.Errorf("in a process of its own: %v\n%s", err, text)
	}
	return false
}

// ordinaryUser returns the attributes of a process of an ordinary user if this process is root,
// to whom permissions do not apply, and a base directory of that user.
func ordinaryUser(t *testing.T) (credential *syscall.SysProcAttr, base string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil, t.TempDir()
	}
	dir, err := os.MkdirTemp("", "rundir")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}, dir
}

// publicCopy copies this test binary to a path at which every user may run it.
func publicCopy(t *testing.T, dir string) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func sample() *rundir.Endpoint {
	return &rundir.Endpoint{
		Network: "unix", Address: "/run/user/1000/loopgen/x/s-1", Key: [32]byte{1, 31: 0xff}, Incarnation: "0123",
		PID: 4711, Host: "abcdef01", Boot: "b-1", MinProtocol: 1, MaxProtocol: 2, Build: "1-2-3-4", Config: "c",
		Service: "example.com/counter.Counter", Version: 3, Name: "name", Scope: "user", Log: "/tmp/a b/log",
		Program: rundir.ProgramLine{Main: "example.com/counter", Content: "a/b c", Modified: time.Unix(0, 1764518181190593641)},
		Methods: []rundir.MethodLine{
			{Number: 0, Name: "Inc", Hash: "00ff", Signature: "func(int) (int, error)"},
			{Number: 65535, Name: "Größe", Hash: "01", Signature: `func(struct{A int "json:\"a\""})`},
			{Number: 7, Name: "Empty"},
		},
	}
}

// spawnLock takes spawn.lock as soon as it is free.
func spawnLock(d *rundir.Dir) (unlock func(), err error) {
	for ctx := limited(); ctx.Err() == nil; {
		if unlock, ok, err := d.TrySpawnLock(); ok || err != nil {
			return unlock, err
		}
		time.Sleep(time.Millisecond) // TrySpawnLock itself never waits
	}
	return nil, errors.New("spawn.lock is never free")
}
