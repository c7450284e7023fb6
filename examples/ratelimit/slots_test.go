package main

import (
	"context"
	"net/http"
	"net/http/httptest"
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

// build returns the path of the example's program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "ratelimit.exe") // Windows wants the suffix
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// One process has the only slot and is killed in the middle of its request. The other
// one, which waits for the slot, gets it.
func TestKilledProcessGivesItsSlotBack(t *testing.T) {
	t.Setenv("LOOPGEN_DIR", rttest.Dir(t)) // of this process and of those that it starts
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	program := build(t)
	requests := make(chan chan struct{}, 2) // for each request, a channel to close for an answer
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		answer := make(chan struct{})
		requests <- answer
		select {
		case <-answer:
		case <-r.Context().Done():
		}
	}))
	defer api.Close()
	defer api.CloseClientConnections()
	start := func() (*exec.Cmd, *strings.Builder) {
		var out strings.Builder
		cmd := exec.CommandContext(ctx, program, "-api", api.URL, "-calls", "1", "-slots", "1")
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &out
	}
	request := func() (answer chan struct{}) {
		t.Helper()
		select {
		case answer = <-requests:
		case <-ctx.Done():
			t.Fatal("no process has made a request")
		}
		return answer
	}

	first, _ := start()
	request()
	second, out := start()
	awaitCall(t, ctx, api.URL, second.Process.Pid)
	if len(requests) > 0 {
		t.Error("two processes have made requests at a time, want one")
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	close(request())
	if err := second.Wait(); err != nil || out.String() != "1\n" {
		t.Errorf("the second process: got %q, %v, want 1 answer", out, err)
	}
}

// awaitCall waits until a process waits for a slot.
func awaitCall(t *testing.T, ctx context.Context, api string, pid int) {
	t.Helper()
	shared := shareSlots(api, 1)
	defer shared.Close()
	for {
		status, err := shared.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(status.Running, func(c rt.CallStatus) bool { return c.Method == "Acquire" && c.PID == pid }) {
			return
		}
	}
}

// A client cannot release the slots of another one.
func TestSlotOfAnother(t *testing.T) {
	cfg := rt.Config{Scope: rt.ScopeDir(rttest.Dir(t))}
	var clients [2]*WeightedClient
	for i := range clients {
		shared := ShareWeighted(cfg, 2)
		defer shared.Close()
		var err error
		if clients[i], err = shared.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := clients[0].TryAcquire(t.Context(), 2); !ok || err != nil {
		t.Fatalf("TryAcquire: got %t, %v, want true", ok, err)
	}
	if err := clients[1].Release(t.Context(), 2); err == nil {
		t.Error("Release of what another client holds: got no error")
	}
	if ok, err := clients[1].TryAcquire(t.Context(), 1); ok || err != nil {
		t.Errorf("TryAcquire: got %t, %v, want false", ok, err)
	}
	if err := clients[0].Release(t.Context(), 2); err != nil {
		t.Error(err)
	}
}

func TestWithinTheLimits(t *testing.T) {
	t.Setenv("LOOPGEN_DIR", rttest.Dir(t))
	program := build(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-workers", "3", "-calls", "10", "-slots", "1").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "30 of 30 requests answered") {
		t.Errorf("%v\n%s", err, out)
	}
}
