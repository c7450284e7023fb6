package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// The test binary is a client, and may be the daemon.
func TestMain(m *testing.M) { rttest.Main(m) }

// gate is an issuer that answers when the test says so.
type gate struct {
	*issuer
	asked  chan struct{} // gets an element for each request
	answer chan struct{} // closed: answer
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.asked <- struct{}{}
	select {
	case <-g.answer:
	case <-r.Context().Done(): // a test that failed has closed the connections
	}
	g.issuer.ServeHTTP(w, r)
}

// scene is an issuer, a token file with one account, and the example's program.
type scene struct {
	ctx           context.Context
	issuer        *gate
	program, path string
	url           string
	shared        *rt.Shared[*StoreClient, *StoreProxy]
}

func begin(t *testing.T) *scene {
	t.Helper()
	t.Setenv("LOOPGEN_DIR", rttest.Dir(t)) // of this process and of those that it starts
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	dir := t.TempDir()
	s := &scene{
		ctx:     ctx,
		issuer:  &gate{newIssuer(0), make(chan struct{}, 100), make(chan struct{})},
		program: filepath.Join(dir, "tokens.exe"), // Windows wants the suffix
		path:    filepath.Join(dir, "tokens.json"),
	}
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", s.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	server := httptest.NewServer(s.issuer)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	s.url = server.URL
	s.shared = share(s.path, s.url)
	t.Cleanup(func() { s.shared.Close() })
	client, err := s.shared.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Login(ctx, "me", s.issuer.nextRefreshToken); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts a process that prints the token, and returns what it prints.
func (s *scene) start(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(s.ctx, s.program, "-file", s.path, "-issuer", s.url, "me")
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// await waits until the daemon's status is as wanted.
func (s *scene) await(t *testing.T, wanted func(rt.Status) bool) {
	t.Helper()
	for {
		status, err := s.shared.Status(s.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if wanted(status) {
			return
		}
	}
}

// The process that made the store refresh the token is killed meanwhile. The others
// get the token of that refresh.
func TestOneRefreshForAllProcesses(t *testing.T) {
	s := begin(t)
	first, _ := s.start(t)
	select {
	case <-s.issuer.asked:
	case <-s.ctx.Done():
		t.Fatal("no process has refreshed the token")
	}
	var others []*exec.Cmd
	var outs []*bytes.Buffer
	for range 3 {
		cmd, out := s.start(t)
		others, outs = append(others, cmd), append(outs, out)
	}
	s.await(t, func(status rt.Status) bool { return len(status.Running) == 1+len(others) })
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	s.await(t, func(status rt.Status) bool {
		return !slices.ContainsFunc(status.Clients, func(c rt.ClientStatus) bool { return c.PID == first.Process.Pid })
	})
	close(s.issuer.answer)
	for i, cmd := range others {
		if err := cmd.Wait(); err != nil || outs[i].String() != "access-1\n" {
			t.Errorf("process %d: got %q, %v, want access-1", i, outs[i], err)
		}
	}
	if s.issuer.refreshed != 1 || len(s.issuer.asked) != 0 {
		t.Errorf("refreshed %d times in %d requests, want 1 in 1", s.issuer.refreshed, 1+len(s.issuer.asked))
	}
}

// State ends with the daemon, but the file does not.
func TestNextDaemonReadsTheFile(t *testing.T) {
	s := begin(t)
	close(s.issuer.answer)
	for range 2 {
		cmd, out := s.start(t)
		if err := cmd.Wait(); err != nil || out.String() != "access-1\n" {
			t.Errorf("got %q, %v, want access-1", out, err)
		}
		if err := s.shared.Shutdown(s.ctx, rt.ShutdownDrain); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the token file has mode %v, want 0600", mode)
	}
	if s.issuer.refreshed != 1 {
		t.Errorf("refreshed %d times, want 1", s.issuer.refreshed)
	}
}

func TestRelativePath(t *testing.T) {
	shared := ShareStore(rt.Config{Scope: rt.ScopeDir(rttest.Dir(t))}, "tokens.json", "")
	defer shared.Close()
	if _, err := shared.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "use filepath.Abs") {
		t.Errorf("got %v, want an error that says to use filepath.Abs", err)
	}
}

func TestDemonstration(t *testing.T) {
	s := begin(t)
	out, err := exec.CommandContext(s.ctx, s.program, "-workers", "4").CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "4 processes: 1 refreshed the token, 0 were refused\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
