package rt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
)

func init() { addRole("no room", playNoRoom) }

// A19. Without room to publish, no files are left that look like a daemon's. As soon as
// there is room, a daemon starts.
func TestNoRoomToPublish(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
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
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // it has reported, and exits
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

// A22. A base directory that cannot be written is named, with the reason; nothing is
// tried elsewhere.
func TestReadOnlyBaseDirectory(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{
		"empty": "",
		"used":  roleVar + `=increment "$0" >&2; ` + roleVar + `="shut down" "$0" >&2`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c"}
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

// A25. The daemon runs the client's image, whether its file was replaced, moved or
// removed.
func TestProgramReplaced(t *testing.T) {
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
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.witnessed()
			program := filepath.Join(t.TempDir(), "program")
			// This process does not write it: a child forked meanwhile would have the
			// file open for writing, and executing it would fail.
			if out, err := exec.Command("cp", os.Args[0], program).CombinedOutput(); err != nil {
				t.Fatalf("%s, %v", out, err)
			}
			image, err := os.Stat(program)
			if err != nil {
				t.Fatal(err)
			}
			cmd := command(t, "increment", a, withBarrier(), withN(1))
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

// A26. Programs of the go command are deleted when they end. The daemon is unaffected,
// and the next program, another build, finds it.
func TestDeletedPrograms(t *testing.T) {
	t.Parallel()
	needsTool(t, "go")
	const example = "../examples/counter"
	a := singleton{Dir: rttest.Dir(t), Name: "counter-example"}
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
