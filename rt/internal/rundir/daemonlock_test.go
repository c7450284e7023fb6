//go:build unix

package rundir_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

func hold(t *testing.T) (*rundir.Dir, *rundir.DaemonLock) {
	t.Helper()
	d := open(t)
	l, err := d.AcquireDaemonLock(limited())
	if err != nil {
		t.Fatal(err)
	}
	return d, l
}

func checkLife(t *testing.T, l *rundir.DaemonLock, lost, published bool) {
	t.Helper()
	gotLost, gotPublished := l.Check()
	if gotLost != lost || gotPublished != published {
		t.Errorf("lost %v, published %v; want %v, %v", gotLost, gotPublished, lost, published)
	}
}

func TestPublishAndWithdraw(t *testing.T) {
	if !alone(t) {
		return
	}
	d, l := hold(t)
	checkLife(t, l, false, false)
	want := sample()
	for range 2 {
		if err := l.Publish(want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.ReadEndpoint()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if info, err := os.Lstat(filepath.Join(d.Path(), "endpoint")); err != nil || info.Mode() != 0o600 {
		t.Errorf("the endpoint file: %v, %v", info, err)
	}
	checkLife(t, l, false, true)
	if err := l.Withdraw("other"); err != nil {
		t.Error(err)
	}
	checkLife(t, l, false, true)
	for range 2 {
		if err := l.Withdraw("0123"); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.ReadEndpoint(); !errors.Is(err, rundir.ErrAbsent) {
		t.Errorf("after Withdraw: %v", err)
	}
	if last, err := d.ReadLast(); err != nil || last.Incarnation != "0123" {
		t.Errorf("ReadLast: got %v, %v", last, err)
	}
	if alive, err := d.Alive(); !alive || err != nil {
		t.Errorf("Alive after Withdraw: %v, %v", alive, err)
	}
}

// Check notices every change of the endpoint, even after the file was unchanged for so long
// that Check no longer reads it.
func TestChangedEndpointIsNotPublished(t *testing.T) {
	if !alone(t) {
		return
	}
	d, l := hold(t)
	path := filepath.Join(d.Path(), "endpoint")
	for _, age := range []time.Duration{0, time.Hour} {
		for name, change := range map[string]func(text []byte) error{
			"one byte":  func(text []byte) error { text[20] ^= 1; return os.WriteFile(path, text, 0o600) },
			"shortened": func(text []byte) error { return os.Truncate(path, int64(len(text))-1) },
			"mode":      func([]byte) error { return os.Chmod(path, 0o644) },
			"replaced by a link": func(text []byte) error {
				return errors.Join(os.Rename(path, path+"d"), os.Symlink("endpointd", path))
			},
			"removed": func([]byte) error { return os.Remove(path) },
		} {
			if err := l.Publish(sample()); err != nil {
				t.Fatal(err)
			}
			then := time.Now().Add(-age)
			if err := os.Chtimes(path, then, then); err != nil {
				t.Fatal(err)
			}
			checkLife(t, l, false, true)
			if err := change(text(t, sample())); err != nil {
				t.Fatal(err)
			}
			if _, published := l.Check(); published {
				t.Errorf("%s, after %v: the endpoint counts as published", name, age)
			}
		}
	}
}

// TestDirectoryOfALiveDaemonRemoved has a successor in the new directory, whose
// endpoint the old daemon must leave alone.
func TestDirectoryOfALiveDaemonRemoved(t *testing.T) {
	if !alone(t) {
		return
	}
	d, old := hold(t)
	if err := old.Publish(sample()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(d.Path()); err != nil {
		t.Fatal(err)
	}
	checkLife(t, old, true, false)
	if err := old.Publish(sample()); !errors.Is(err, rundir.ErrLost) {
		t.Errorf("publishing without a directory: %v", err)
	}
	successor, err := d.AcquireDaemonLock(limited())
	if err != nil {
		t.Fatal(err)
	}
	e := sample()
	e.Incarnation = "second"
	if err := successor.Publish(e); err != nil {
		t.Fatal(err)
	}
	checkLife(t, old, true, false)
	if err := old.Publish(sample()); !errors.Is(err, rundir.ErrLost) {
		t.Errorf("publishing into the successor's directory: %v", err)
	}
	for _, incarnation := range []string{"0123", "second"} {
		if err := old.Withdraw(incarnation); err != nil {
			t.Error(err)
		}
	}
	if err := old.Clean(); err != nil {
		t.Error(err)
	}
	checkLife(t, successor, false, true)
}

func TestClean(t *testing.T) {
	if !alone(t) {
		return
	}
	d, l := hold(t)
	t.Chdir(d.Path()) // socket addresses must be short
	for _, name := range []string{"s-1", "s-2", "other"} {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		ln.SetUnlinkOnClose(false)
		ln.Close()
	}
	for _, name := range []string{"s-file", "endpoint", "endpoint.new", "start.new", "log"} {
		if err := os.WriteFile(name, []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := l.Clean(); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := []string{"life.lock", "log", "other", "s-file", "start.new"}; !reflect.DeepEqual(got, want) {
		t.Errorf("left: %q, want %q", got, want)
	}
}

func TestNoSpace(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := mountTmpfs(t, 0, "size=64k")
	d, err := rundir.Open(dir, "name")
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.AcquireDaemonLock(limited())
	if err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(dir, "full")
	if err := os.WriteFile(full, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	if err := l.Publish(sample()); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Publish: %v", err)
	}
	if err := d.WriteStart(rundir.Start{Failures: 1}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("WriteStart: %v", err)
	}
	entries, err := os.ReadDir(d.Path())
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v; want the lock only", entries, err)
	}
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	if err := l.Publish(sample()); err != nil {
		t.Errorf("Publish when there is room again: %v", err)
	}
}
