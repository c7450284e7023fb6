//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The job is a pipe, so that a worker has it until the test writes to the pipe.
func TestKilledWorkerGivesItsJobBack(t *testing.T) {
	ctx := begin(t)
	program := build(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	queue, _ := connect(t, ctx, t.Name())
	if err := queue.Push(ctx, pipe); err != nil {
		t.Fatal(err)
	}
	start := func() (*exec.Cmd, *bytes.Buffer) {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, program, "-worker", "-name", t.Name())
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &out
	}

	first, _ := start()
	await(t, ctx, queue, Progress{Taken: 1})
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	await(t, ctx, queue, Progress{Waiting: 1, GivenBack: 1})

	second, out := start()
	await(t, ctx, queue, Progress{Taken: 1, GivenBack: 1})
	write(t, ctx, pipe, "abc")
	await(t, ctx, queue, Progress{Done: 1, GivenBack: 1})
	if err := queue.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if sum, _, _ := strings.Cut(out.String(), " "); sum != want {
		t.Errorf("the second worker printed %q, want %q", sum, want)
	}
}

// write writes to a named pipe when another process has opened it.
func write(t *testing.T, ctx context.Context, path, text string) {
	t.Helper()
	for {
		pipe, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			_, err = pipe.WriteString(text)
			pipe.Close()
		}
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}
