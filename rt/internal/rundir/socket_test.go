//go:build unix

package rundir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

func TestSocketBelowExplicitBaseDir(t *testing.T) {
	runtime := t.TempDir()
	if err := os.Chmod(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	d := open(t)
	if dir, err := d.SocketDir(); dir != d.Path() || err != nil {
		t.Errorf("SocketDir: %q, %v; want %q", dir, err, d.Path())
	}
	if log := d.LogPath(); log != filepath.Join(d.Path(), "log") {
		t.Errorf("LogPath: %q", log)
	}
	if entries, err := os.ReadDir(runtime); err != nil || len(entries) != 0 {
		t.Errorf("in XDG_RUNTIME_DIR: %v, %v", entries, err)
	}
}

func TestSocketPath(t *testing.T) {
	short, err := os.MkdirTemp("", "r")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	d, err := rundir.Open(short, "n")
	if err != nil {
		t.Fatal(err)
	}
	incarnation := strings.Repeat("i", 16)
	room := 103 - len(d.Path()) - len("/s-iiiiiiii")
	for length := room - 1; length <= room+1; length++ {
		d, err := rundir.Open(filepath.Join(short, strings.Repeat("d", length-1)), "n")
		if err != nil {
			t.Fatal(err)
		}
		path, err := d.SocketPath(incarnation)
		var long *rundir.PathTooLongError
		switch {
		case length <= room:
			if want := filepath.Join(d.Path(), "s-iiiiiiii"); path != want || err != nil {
				t.Errorf("%d bytes: %q, %v; want %q", len(want), path, err, want)
			}
		case !errors.As(err, &long) || long.Length != 104 || long.Limit != 103 || len(long.Path) != 104:
			t.Errorf("104 bytes: %v", err)
		}
	}
	deep, err := rundir.Open(filepath.Join(short, strings.Repeat("d", 100)), "n")
	if err != nil {
		t.Fatal(err)
	}
	var long *rundir.PathTooLongError
	if _, err := deep.SocketPath("0123"); !errors.As(err, &long) || !strings.Contains(err.Error(), "103") {
		t.Errorf("a deep directory: %v", err)
	}
	for _, bad := range []string{"", "../x", "a/b", "a b", "a\x00", strings.Repeat("x", 65)} {
		if _, err := d.SocketPath(bad); err == nil || errors.As(err, &long) {
			t.Errorf("incarnation %q: %v", bad, err)
		}
	}
}
