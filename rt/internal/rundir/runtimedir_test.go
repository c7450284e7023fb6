//go:build unix

package rundir

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// standardDir returns a Dir that claims to be below the default base directory, to which
// tests must not write.
func standardDir(t *testing.T) *Dir {
	t.Helper()
	base, err := defaultBaseDir()
	if err != nil {
		t.Skipf("this user has no default base directory: %v", err)
	}
	path := t.TempDir()
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return &Dir{base: base, name: t.Name(), path: path}
}

// runtimeDir makes a directory with a short path, like that of a login session.
func runtimeDir(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "x")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRuntimeDirectory(t *testing.T) {
	good := runtimeDir(t, 0o700)
	t.Setenv("XDG_RUNTIME_DIR", good)
	d := standardDir(t)
	dir, err := d.SocketDir()
	if err != nil || filepath.Dir(dir) != filepath.Join(good, "loopgen") || checkDir(dir) != nil || checkDir(filepath.Dir(dir)) != nil {
		t.Fatalf("a valid XDG_RUNTIME_DIR: %q, %v", dir, err)
	}
	if path, err := d.SocketPath("1"); path != filepath.Join(dir, "s-1") || err != nil {
		t.Errorf("SocketPath: %q, %v", path, err)
	}
	if path := d.LogPath(); path != filepath.Join(dir, "log") {
		t.Errorf("LogPath: %q", path)
	}
	for _, base := range []string{SessionBaseDir(d.base, "3"), ProjectBaseDir(d.base, "/src/a")} {
		below := &Dir{base: base, name: d.name, path: d.path}
		if got, err := below.SocketDir(); err != nil || filepath.Dir(got) != filepath.Dir(dir) || got == dir {
			t.Errorf("below %s: %q, %v; want one of its own beside %s", base, got, err, dir)
		}
	}
	// The result does not change while a daemon runs.
	t.Setenv("XDG_RUNTIME_DIR", "")
	if again, err := d.SocketDir(); again != dir || err != nil {
		t.Errorf("SocketDir again: %q, %v", again, err)
	}
	without, err := standardDir(t).SocketDir()
	if err != nil || strings.HasPrefix(without, good) {
		t.Fatalf("without XDG_RUNTIME_DIR: %q, %v", without, err)
	}
	t.Cleanup(func() { os.Remove(without) })
	bad := map[string]string{
		"relative": "x", "missing": filepath.Join(good, "missing"), "0777": runtimeDir(t, 0o777), "0750": runtimeDir(t, 0o750),
	}
	if os.Geteuid() == 0 {
		bad["someone else's"] = runtimeDir(t, 0o700)
		if err := os.Chown(bad["someone else's"], 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range bad {
		t.Setenv("XDG_RUNTIME_DIR", value)
		dir, err := standardDir(t).SocketDir()
		if err != nil || strings.HasPrefix(dir, value) {
			t.Errorf("%s: %q, %v", name, dir, err)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", good)
	if err := os.Chmod(filepath.Join(good, "loopgen"), 0o755); err != nil {
		t.Fatal(err)
	}
	d = standardDir(t)
	if _, err := d.SocketPath("1"); !errors.Is(err, ErrUnsafe) {
		t.Errorf("with an unsafe directory of ours: %v", err)
	}
	if path := d.LogPath(); path != filepath.Join(d.path, "log") {
		t.Errorf("LogPath with an unsafe directory of ours: %q", path)
	}
}

// TestSocketsInRuntimeDirectories shows that Clean removes the sockets of daemons with other
// environments and keeps those of other singletons.
func TestSocketsInRuntimeDirectories(t *testing.T) {
	paths := map[string]bool{}
	socket := func(d *Dir, incarnation string, goes bool) string {
		path, err := d.SocketPath(incarnation)
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		ln.SetUnlinkOnClose(false)
		ln.Close()
		paths[path] = goes
		return path
	}
	t.Setenv("XDG_RUNTIME_DIR", runtimeDir(t, 0o700))
	stale := &Endpoint{Network: "unix", Address: socket(standardDir(t), "1", true)}
	t.Setenv("XDG_RUNTIME_DIR", runtimeDir(t, 0o700))
	d := standardDir(t)
	socket(d, "2", true)
	neighbour := standardDir(t)
	neighbour.name = "another"
	other := socket(neighbour, "3", false)
	if errs := d.removeSockets(stale); len(errs) != 0 {
		t.Error(errs)
	}
	if errs := d.removeSockets(&Endpoint{Network: "unix", Address: other}); len(errs) != 0 {
		t.Error(errs)
	}
	for path, goes := range paths {
		if _, err := os.Lstat(path); (err != nil) != goes {
			t.Errorf("%s: %v, should be gone: %v", path, err, goes)
		}
	}
}
