//go:build unix

package rundir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

// waiter is a process that writes nothing unless it fails.
type waiter struct {
	cmd *exec.Cmd
	out *bytes.Buffer
}

func startWaiter(t *testing.T, cmd *exec.Cmd) waiter {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return waiter{cmd, &out}
}

func (w waiter) wait() error {
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, w.out)
	}
	return nil
}

func TestSpawnLock(t *testing.T) {
	d := open(t)
	unlock, ok, err := d.TrySpawnLock()
	if !ok || err != nil {
		t.Fatalf("a free lock: got %v, %v", ok, err)
	}
	if _, ok, err := d.TrySpawnLock(); ok || err != nil {
		t.Errorf("a taken lock: got %v, %v", ok, err)
	}
	unlock()
	unlock()
	unlock, ok, err = d.TrySpawnLock()
	if !ok || err != nil {
		t.Fatalf("a lock given back: got %v, %v", ok, err)
	}
	unlock()
}

func TestSpawnLockOfAKilledProcess(t *testing.T) {
	d := open(t)
	other := startOther(t, "spawn lock", d)
	if _, ok, err := d.TrySpawnLock(); ok || err != nil {
		t.Errorf("while another process has it: got %v, %v", ok, err)
	}
	other.kill()
	unlock, ok, err := d.TrySpawnLock()
	if !ok || err != nil {
		t.Fatalf("after its death: got %v, %v", ok, err)
	}
	unlock()
}

// TestDirectoryRemoved acquires a lock whose directory was removed meanwhile, while another
// process still holds the old lock.
func TestDirectoryRemoved(t *testing.T) {
	d := open(t)
	startOther(t, "spawn lock", d)
	if err := os.RemoveAll(d.Path()); err != nil {
		t.Fatal(err)
	}
	if alive, err := d.Alive(); alive || err != nil {
		t.Errorf("Alive without a directory: %v, %v", alive, err)
	}
	unlock, err := spawnLock(d)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if info, err := os.Lstat(d.Path()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the new directory: %v, %v", info, err)
	}
}

func TestAlive(t *testing.T) {
	d := open(t)
	unlock, err := spawnLock(d)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	check := func(when string, want bool) {
		t.Helper()
		for range 3 {
			if alive, err := d.Alive(); alive != want || err != nil {
				t.Errorf("%s: got %v, %v; want %v", when, alive, err, want)
			}
		}
	}
	check("before any daemon", false)
	other := startOther(t, "hold", d)
	check("while one lives", true)
	if err := other.cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	check("while one is stopped", true)
	began := time.Now()
	if _, err := d.AcquireDaemonLock(limited()); !errors.Is(err, rundir.ErrHeld) {
		t.Errorf("Hold while one lives: %v", err)
	}
	if took := time.Since(began); took < 400*time.Millisecond || took > 20*time.Second {
		t.Errorf("Hold gave up after %v", took)
	}
	ended, stop := context.WithCancel(context.Background())
	stop()
	if _, err := d.AcquireDaemonLock(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Hold with a context that has ended: %v", err)
	}
	other.kill()
	check("after its death", false)
	if _, err := os.Lstat(filepath.Join(d.Path(), "life.lock")); err != nil {
		t.Errorf("the lock file: %v", err)
	}
}

func TestOneDaemon(t *testing.T) {
	base := t.TempDir()
	start, release, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer start.Close()
	stay, leave, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stay.Close()
	results, said, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	var all []*exec.Cmd
	for range 20 {
		cmd := process(t, "race", base, "-")
		cmd.Stdin, cmd.Stdout, cmd.ExtraFiles = start, said, []*os.File{stay}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	said.Close()
	release.Close()
	held := 0
	for range all {
		var won bool
		if _, err := fmt.Fscanln(results, &won); err != nil {
			t.Fatal(err)
		}
		if won {
			held++
		}
	}
	leave.Close()
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if held != 1 {
		t.Errorf("%d of 20 processes hold the lifetime lock, want 1", held)
	}
}

func TestUnsafeLock(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"link":      func(p string) error { return os.Symlink("/etc/hostname", p) },
		"dangling":  func(p string) error { return os.Symlink(filepath.Join(filepath.Dir(p), "x"), p) },
		"fifo":      func(p string) error { return unix.Mkfifo(p, 0o600) },
		"directory": func(p string) error { return os.Mkdir(p, 0o700) },
		"someone else's": func(p string) error {
			if os.Geteuid() != 0 {
				return os.Symlink("x", p)
			}
			return errors.Join(os.WriteFile(p, nil, 0o600), os.Chown(p, 65534, 65534))
		},
	} {
		d := open(t)
		for _, file := range []string{"spawn.lock", "life.lock"} {
			if err := spoil(filepath.Join(d.Path(), file)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := spawnLock(d); !errors.Is(err, rundir.ErrUnsafe) {
			t.Errorf("%s: SpawnLock: %v", name, err)
		}
		if _, err := d.Alive(); !errors.Is(err, rundir.ErrUnsafe) {
			t.Errorf("%s: Alive: %v", name, err)
		}
		if _, err := d.AcquireDaemonLock(limited()); !errors.Is(err, rundir.ErrUnsafe) {
			t.Errorf("%s: Hold: %v", name, err)
		}
		if _, err := os.Lstat(filepath.Join(d.Path(), "x")); err == nil {
			t.Errorf("%s: a file was made through the link", name)
		}
	}
}
