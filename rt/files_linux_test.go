package rt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// An endpoint that others could have read or written is none, and the daemon
// replaces it.
func TestEndpointOpenToOthers(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Minute}
	connect(t, a)
	pid, path := a.endpoint(t).PID, filepath.Join(a.place(t), "endpoint")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := share(t, a).Status(t.Context()); !errors.Is(err, rt.ErrNotRunning) {
		if info, serr := os.Stat(path); serr != nil || info.Mode() != 0o600 { // the daemon may have been faster
			t.Errorf("Status with an endpoint of mode 0644: process %d, %v; want %v", s.PID, err, rt.ErrNotRunning)
		}
	}
	if n, err := connect(t, a).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the next client: %d, %v", n, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 || a.endpoint(t).PID != pid {
		t.Errorf("the endpoint: %v, %v; want one with mode 0600 of process %d", info.Mode(), err, pid)
	}
}

// The log names the file that was removed, and not the directory that is there.
func TestLogNamesRemovedFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(dir string) error
		want  string // with the directory
	}{
		"lock removed": {func(dir string) error { return os.Remove(dir + "/life.lock") }, "the file %s/life.lock was removed"},
		"lock replaced": {func(dir string) error {
			return errors.Join(os.WriteFile(dir+"/x", nil, 0o600), os.Rename(dir+"/x", dir+"/life.lock"))
		}, "the file %s/life.lock was replaced"},
		"moved":     {func(dir string) error { return os.Rename(dir, dir+"-") }, "the directory %s was removed"},
		"exchanged": {func(dir string) error { return errors.Join(os.Rename(dir, dir+"-"), os.Mkdir(dir, 0o700)) }, "the directory %s was replaced"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Minute}
			connect(t, a)
			dir := a.place(t)
			log, err := os.Open(filepath.Join(dir, "log"))
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			pid := a.endpoint(t).PID
			if err := test.spoil(dir); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the daemon has left", func() bool { return ended(pid) })
			text := make([]byte, 64<<10)
			n, _ := log.ReadAt(text, 0)
			fresh, _ := os.ReadFile(filepath.Join(dir, "log")) // begun when the other one was out of sight
			if said, want := string(text[:n])+string(fresh), fmt.Sprintf(test.want, dir); !strings.Contains(said, want) {
				t.Errorf("the log does not say %q:\n%s", want, said)
			}
		})
	}
}

// Directories that killed clients have left are removed by the next daemon.
func TestUnfinishedDirectoriesAreRemoved(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	left := filepath.Join(a.Dir, ".loopgen-123456789")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	connect(t, a)
	if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", left, err)
	}
}

func init() { addRole("endpoint on a full disk", playEndpointOnFullDisk) }

// The client's error says that the disk is full, and not that the daemon starts or
// drains. When there is room, clients find the daemon again.
func TestEndpointRemovedOnFullDisk(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: time.Minute}
	out, err := mounted(t, fmt.Sprintf(`mount -t tmpfs -o size=128k,mode=0700 none %q; exec "$0"`, a.Dir), "endpoint on a full disk", a).Output()
	if err != nil || strings.TrimSpace(string(out)) != "null" {
		t.Errorf("%s, %v", out, err)
	}
}

func playEndpointOnFullDisk(ctx context.Context, shared *counterShared, a args) (any, error) {
	defer shared.Shutdown(ctx, rt.ShutdownNow)
	if err := shared.EnsureStarted(ctx); err != nil {
		return nil, err
	}
	d, err := rundir.Open(a.Dir, a.Name)
	if err != nil {
		return nil, err
	}
	filler, err := os.Create(filepath.Join(a.Dir, "filler"))
	if err != nil {
		return nil, err
	}
	defer filler.Close()
	for absent := false; !absent; { // the daemon may publish it again before the disk is full
		if err := os.Remove(filepath.Join(d.Path(), "endpoint")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for err = nil; err == nil; {
			_, err = filler.Write(make([]byte, 4<<10))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return nil, fmt.Errorf("the disk is not full: %w", err)
		}
		_, err = d.ReadEndpoint()
		absent = errors.Is(err, rundir.ErrAbsent)
	}
	cfg := a.config()
	cfg.StartTimeout = 300 * time.Millisecond
	other := objects.ShareCounter(cfg, a.Options)
	defer other.Close()
	_, err = other.Connect(ctx)
	if !errors.Is(err, rt.ErrUnresponsive) || !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "starting") {
		return nil, fmt.Errorf("on a full disk: %w", err)
	}
	if err := os.Remove(filler.Name()); err != nil {
		return nil, err
	}
	filler.Close()
	third := objects.ShareCounter(a.config(), a.Options)
	defer third.Close()
	c, err := third.Connect(ctx)
	if err == nil {
		_, err = c.Inc(ctx)
	}
	return nil, err
}
