package main

import (
	"bufio"
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

	bolt "go.etcd.io/bbolt"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
)

// The test binary is a client, and may be the daemon.
func TestMain(m *testing.M) { rttest.Main(m) }

// begin gives the test, and the processes that it starts, daemons of its own. It
// returns a context that ends long after the test should, and the path of a cache.
func begin(t *testing.T) (ctx context.Context, path string) {
	t.Helper()
	t.Setenv("LOOPGEN_DIR", rttest.Dir(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	path, err := absolute(filepath.Join(t.TempDir(), "cache.db"))
	if err != nil {
		t.Fatal(err)
	}
	return ctx, path
}

// build returns the path of the example's program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "boltcache.exe") // Windows wants the suffix
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// Processes write at the same time, and one of them is killed. Each value whose Put
// returned is in the file, which another program can open when the daemon has exited.
func TestKilledProcessLosesNothing(t *testing.T) {
	ctx, path := begin(t)
	program := build(t)
	fill := func(prefix string) (*exec.Cmd, *bufio.Scanner) {
		cmd := exec.CommandContext(ctx, program, "-file", path, "fill", prefix)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, bufio.NewScanner(out)
	}
	var want []string
	scan := func(lines *bufio.Scanner) bool {
		if !lines.Scan() {
			return false
		}
		want = append(want, lines.Text())
		return true
	}

	first, firstLines := fill("a")
	second, secondLines := fill("b")
	if !scan(firstLines) || !scan(secondLines) {
		t.Fatal("a process has written nothing")
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for scan(firstLines) || scan(secondLines) {
	}
	_ = first.Wait() // it was killed
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	if err := share(path).Shutdown(ctx, rt.ShutdownDrain); err != nil {
		t.Fatal(err)
	}

	cache, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	got, err := cache.Keys()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range want {
		if !slices.Contains(got, key) {
			t.Errorf("key %s is missing", key)
		}
	}
	b := slices.DeleteFunc(got, func(key string) bool { return strings.HasPrefix(key, "a") })
	if len(b) != puts {
		t.Errorf("the process that was not killed wrote %d values, want %d", len(b), puts)
	}
	err = cache.db.View(func(tx *bolt.Tx) (err error) {
		for problem := range tx.Check() {
			err = errors.Join(err, problem)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCommands(t *testing.T) {
	ctx, path := begin(t)
	program := build(t)
	for _, test := range []struct{ args, want string }{
		{"put b two", ""},
		{"put a one", ""},
		{"get a", "one\n"},
		{"get c", "boltcache: not in the cache\n"},
		{"keys", "a\nb\n"},
	} {
		out, err := exec.CommandContext(ctx, program, append([]string{"-file", path}, strings.Fields(test.args)...)...).CombinedOutput()
		if failed := err != nil; string(out) != test.want || failed != (test.args == "get c") {
			t.Errorf("%s: got %q, %v, want %q", test.args, out, err, test.want)
		}
	}
	out, err := exec.CommandContext(ctx, program, "-workers", "3").CombinedOutput()
	if want := fmt.Sprintf("%d of %[1]d values written\n", 3*puts); string(out) != want || err != nil {
		t.Errorf("-workers 3: got %q, %v, want %q", out, err, want)
	}
}

func TestFileOpenElsewhere(t *testing.T) {
	ctx, path := begin(t)
	elsewhere, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	shared := share(path)
	defer shared.Close()
	var start *rt.StartError
	if _, err := shared.Connect(ctx); !errors.As(err, &start) || !strings.Contains(err.Error(), "another process holds its lock") {
		t.Errorf("got %v, want a *rt.StartError that says that another process holds the lock", err)
	}
	if err := elsewhere.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Connect(ctx); err != nil {
		t.Error(err)
	}
}

func TestLinkedDirectory(t *testing.T) {
	_, path := begin(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(path), link); err != nil {
		t.Skip(err)
	}
	if got, err := absolute(filepath.Join(link, "cache.db")); got != path || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, path)
	}
}

func TestRelativePath(t *testing.T) {
	ctx, _ := begin(t)
	shared := share("cache.db")
	defer shared.Close()
	if _, err := shared.Connect(ctx); err == nil || !strings.Contains(err.Error(), "use filepath.Abs") {
		t.Errorf("got %v, want an error that says to use filepath.Abs", err)
	}
}
