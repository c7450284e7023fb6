package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// The test binary is a client, and may be the daemon.
func TestMain(m *testing.M) { rttest.Main(m) }

// build returns the path of the example's program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "queue.exe") // Windows wants the suffix
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// begin gives the test, and the processes that it starts, daemons of its own. It
// returns a context that ends long after the test should.
func begin(t *testing.T) context.Context {
	t.Helper()
	t.Setenv("LOOPGEN_DIR", rttest.Dir(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// connect returns a client of the queue of that name.
func connect(t *testing.T, ctx context.Context, name string) (*QueueClient, *rt.Shared[*QueueClient, *QueueProxy]) {
	t.Helper()
	shared := ShareQueue(config(name))
	t.Cleanup(func() { shared.Close() })
	queue, err := shared.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return queue, shared
}

// await waits until the counts are as wanted.
func await(t *testing.T, ctx context.Context, queue *QueueClient, want Progress) {
	t.Helper()
	var p Progress
	for p != want {
		var err error
		if p, err = queue.WaitProgress(ctx, p); err != nil {
			t.Fatalf("got %+v, want %+v: %v", p, want, err)
		}
	}
}

func TestAllFilesDespiteKill(t *testing.T) {
	ctx := begin(t)
	dir := t.TempDir()
	var want []string
	for i := range 100 {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
		sum, err := sumFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%x  %s", sum, path))
	}
	cmd := exec.CommandContext(ctx, build(t), "-workers", "3", "-kill", dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	// At least once: the worker that was killed may have printed the sum of its last file.
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(slices.Compact(got), want) || len(got) > len(want)+1 {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestPopContext(t *testing.T) {
	ctx := begin(t)
	queue, _ := connect(t, ctx, t.Name())
	short, cancelShort := context.WithTimeout(ctx, time.Millisecond)
	defer cancelShort()
	if job, err := queue.PopContext(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("PopContext of an empty queue: got %q, %v, want %v", job, err, context.DeadlineExceeded)
	}
	// The pop that gave up does not get the job.
	if err := queue.Push(ctx, "job"); err != nil {
		t.Fatal(err)
	}
	if job, err := queue.PopContext(ctx); job != "job" || err != nil {
		t.Errorf("PopContext: got %q, %v, want job", job, err)
	}
	if err := queue.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	if job, err := queue.PopContext(ctx); err != ErrSealed {
		t.Errorf("PopContext of a sealed queue: got %q, %v, want %v", job, err, ErrSealed)
	}
}

func TestClosedClientGivesItsJobBack(t *testing.T) {
	ctx := begin(t)
	queue, _ := connect(t, ctx, t.Name())
	other, shared := connect(t, ctx, t.Name())
	if err := queue.Push(ctx, "a", "b", "c"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "b"} {
		if job, err := other.Take(ctx, want); job != want || err != nil {
			t.Fatalf("Take: got %q, %v, want %q", job, err, want)
		}
	}
	if job, err := other.Take(ctx, "b"); err != ErrLease {
		t.Errorf("Take with a lease in use: got %q, %v, want %v", job, err, ErrLease)
	}
	if err := other.Done(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	shared.Close()
	await(t, ctx, queue, Progress{Waiting: 2, Done: 1, GivenBack: 1})
	if job, err := queue.Take(ctx, "d"); job != "b" || err != nil {
		t.Errorf("Take: got %q, %v, want b", job, err)
	}
}

func TestLostQueueIsNoEmptyQueue(t *testing.T) {
	ctx := begin(t)
	queue, shared := connect(t, ctx, t.Name())
	if err := queue.Push(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	status, err := shared.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	daemon, err := os.FindProcess(status.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Kill(); err != nil {
		t.Fatal(err)
	}
	const want = "the daemon has ended, and the queue with it"
	for err == nil || !strings.Contains(err.Error(), want) {
		var p Progress
		if p, err = queue.Progress(ctx); err == nil && p.Waiting != 1 || ctx.Err() != nil {
			t.Fatalf("got %+v, %v, want an error: %s", p, err, want)
		}
	}
}
