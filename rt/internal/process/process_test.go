//go:build unix

package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/process"
)

// limited returns a context that ends only after a normal test has ended, so that a test
// that hangs fails.
func limited() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func start(t *testing.T, cmd process.Command) *process.Child {
	t.Helper()
	child, err := process.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(child.Kill)
	return child
}

func openLog(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestPayloadAndReport(t *testing.T) {
	big := bytes.Repeat([]byte{7}, 32<<20)
	for _, test := range []struct{ payload, want []byte }{
		{nil, nil},
		{[]byte("x"), []byte("x")},
		{big[:64<<10], big[:64<<10]},
		{big, []byte("33554432 bytes, last 7")},
	} {
		got, err := report(process.Command{Env: env("echo", ""), Payload: test.payload})
		if err != nil || !bytes.Equal(got, test.want) {
			t.Errorf("payload of %d bytes: got a report of %d bytes and %v, want %d bytes", len(test.payload), len(got), err, len(test.want))
		}
	}
	if _, err := process.Start(process.Command{Payload: append(big, 0)}); err == nil {
		t.Error("a payload of 32 MiB and one byte: got no error")
	}
	if _, err := process.Start(process.Command{Path: "relative"}); err == nil || !strings.Contains(err.Error(), "relative") {
		t.Errorf("a relative path: got %v", err)
	}
	if _, err := process.Start(process.Command{Path: "/does/not/exist"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that does not exist: got %v", err)
	}
}

func TestReportOnce(t *testing.T) {
	got, err := report(process.Command{Env: env("twice", "")})
	if err != nil || string(got) != "first" {
		t.Errorf("two reports: got %q, %v", got, err)
	}
	got, err = report(process.Command{Env: env("too long", "")})
	if err != nil || len(got) != 64<<10 {
		t.Errorf("a report that is too long, then one that is not: got %d bytes, %v", len(got), err)
	}
}

func TestSurroundings(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	// Descriptors that this process inherited, or C code opened, and exec does not close.
	secret, err := os.Create(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	for range 3 {
		fd, err := unix.Dup(int(secret.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	high, err := unix.FcntlInt(secret.Fd(), unix.F_DUPFD, 300)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(high)

	log := openLog(t)
	want := append(env("facts", ""), "A=1")
	text, err := report(process.Command{Env: append(slices.Clone(want), "LOOPGEN_DAEMON=1 5 6 -"), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	var got facts
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Session != got.PID {
		t.Errorf("session %d of process %d, want its own", got.Session, got.PID)
	}
	if got.Directory != "/" || got.Umask != 0o077 || !got.SameBuild {
		t.Errorf("directory %q, umask %#o, builds %s; want /, 077 and the same", got.Directory, got.Umask, got.BuildFromBoth)
	}
	slices.Sort(got.Environment)
	slices.Sort(want)
	if !slices.Equal(got.Environment, want) {
		t.Errorf("environment %q, want %q", got.Environment, want)
	}
	if got.Grandchild != "<nil>" {
		t.Errorf("a grandchild found the marker or a pipe: %q", got.Grandchild)
	}
	if d := got.Descriptors; d["0"] != os.DevNull || d["1"] != log.Name() || d["2"] != log.Name() {
		t.Errorf("standard descriptors %q", d)
	}
	for fd, target := range got.Descriptors {
		if target == secret.Name() || strings.HasPrefix(target, "pipe:") && fd != "3" && fd != "4" {
			t.Errorf("descriptor %s is %s", fd, target)
		}
	}
}

func TestEndWithoutReport(t *testing.T) {
	log := openLog(t)
	child := start(t, process.Command{Env: env("exit", ""), Log: log})
	_, err := child.Report(limited())
	var exit *process.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 || exit.Signal != 0 || exit.PID != child.PID() {
		t.Errorf("exit status 7: got %v", err)
	}
	text, err := os.ReadFile(log.Name())
	if err != nil || !strings.Contains(string(text), "to standard output\nto standard error\n") {
		t.Errorf("log: %q, %v", text, err)
	}
	_, err = report(process.Command{Env: env("signal", "")})
	if !errors.As(err, &exit) || exit.Code != -1 || exit.Signal != syscall.SIGKILL {
		t.Errorf("killed: got %v", err)
	}
}

func TestUnclaimed(t *testing.T) {
	for _, role := range []string{"unclaimed", "peeks"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			log := openLog(t)
			_, err := report(process.Command{Env: env(role, ""), Log: log})
			var exit *process.ExitError
			if !errors.As(err, &exit) || exit.Code != process.ExitUnclaimed {
				t.Errorf("got %v, want exit status %d", err, process.ExitUnclaimed)
			}
			if text, _ := os.ReadFile(log.Name()); !strings.Contains(string(text), "ServeIfDaemon") {
				t.Errorf("log: %q", text)
			}
		})
	}
}

// Payload returns the payload after Peek as well, and Peek does not undo a claim.
func TestPeek(t *testing.T) {
	got, err := report(process.Command{Env: env("peeks and reports", ""), Payload: []byte("a")})
	if err != nil || string(got) != "a+a+a" {
		t.Errorf("got %q, %v; want a+a+a", got, err)
	}
}

func TestReportEndsWithContext(t *testing.T) {
	child := start(t, process.Command{Env: env("hang", "")})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for range 2 {
		if _, err := child.Report(ctx); err != context.DeadlineExceeded {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	}
	child.Kill()
	if err := unix.Kill(child.PID(), 0); err != unix.ESRCH {
		t.Errorf("the child after Kill: %v, want %v", err, unix.ESRCH)
	}
	var exit *process.ExitError
	if _, err := child.Report(limited()); !errors.As(err, &exit) || exit.Signal != syscall.SIGKILL {
		t.Errorf("report after Kill: %v", err)
	}
	child.Kill()
}

func TestParentGone(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	child := start(t, process.Command{Env: env("late", fifo)})
	child.Release()
	if err := os.WriteFile(fifo, nil, 0); err != nil {
		t.Fatal(err)
	}
	var exit *process.ExitError
	if _, err := child.Report(limited()); !errors.As(err, &exit) || exit.Code != 5 {
		t.Errorf("got %v, want exit status 5", err)
	}
}

// TestNothingStaysOpen has children that run on after their report, and children that exit.
func TestNothingStaysOpen(t *testing.T) {
	warm, err := report(process.Command{Env: env("echo", "")})
	if err != nil {
		t.Fatalf("%q, %v", warm, err)
	}
	descriptors, goroutines := countDescriptors(t), runtime.NumGoroutine()
	var alive []*process.Child
	sockets := shortDir(t)
	for i := range 50 {
		part := []string{"echo", "exit", "linger", "hang"}[i%4]
		child := start(t, process.Command{Env: env(part, filepath.Join(sockets, string(rune('A'+i)))), Payload: make([]byte, 1<<10)})
		if part == "hang" {
			child.Kill()
			continue
		}
		_, err := child.Report(limited())
		var exit *process.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		child.Release()
		alive = append(alive, child)
	}
	if n := countDescriptors(t); n != descriptors {
		t.Errorf("%d descriptors while the children live, %d before", n, descriptors)
	}
	for _, child := range alive {
		child.Kill()
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := countDescriptors(t); n != descriptors {
		t.Errorf("%d descriptors, %d before", n, descriptors)
	}
}

func TestConcurrentStarts(t *testing.T) {
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			want := strings.Repeat("x", i)
			got, err := report(process.Command{Env: env("echo", ""), Payload: []byte(want)})
			if err != nil || string(got) != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
	all.Wait()
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// eventually waits until goroutines that have nothing left to do have ended.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("still %d goroutines", runtime.NumGoroutine())
		}
	}
}

// shortDir returns a directory whose path is short enough for a socket in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "p")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestBuildOf(t *testing.T) {
	own, err := process.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := process.BuildOf(process.Executable()); got != own || err != nil {
		t.Errorf("this program's file: %q, %v; want %q", got, err, own)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(process.Executable(), link); err != nil {
		t.Fatal(err)
	}
	if got, err := process.BuildOf(link); got != own || err != nil {
		t.Errorf("a link to it: %q, %v; want %q", got, err, own)
	}
	if _, err := process.BuildOf(link + "2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v, want %v", err, os.ErrNotExist)
	}
}
