//go:build unix

package rundir_test

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/loopgen/loopgen/rt/internal/rundir"
)

func TestBaseDir(t *testing.T) {
	standard, err := rundir.BaseDir("")
	if err != nil {
		t.Skipf("this user has no place for a run directory: %v", err)
	}
	for _, key := range []string{"HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR", "USER"} {
		t.Setenv(key, "/elsewhere")
	}
	if got, err := rundir.BaseDir(""); got != standard || err != nil {
		t.Errorf("in another environment: got %q, %v; want %q", got, err, standard)
	}
	if u, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil {
		home := filepath.Join(u.HomeDir, ".cache", "loopgen", rundir.HostID())
		if standard != home && !strings.HasPrefix(standard, "/run/user/") {
			t.Errorf("got %q, want %q", standard, home)
		}
	}
	t.Setenv("LOOPGEN_DIR", "/a/b/../c")
	for explicit, want := range map[string]string{"": "/a/c", "/x//y": "/x/y"} {
		if got, err := rundir.BaseDir(explicit); got != want || err != nil {
			t.Errorf("BaseDir(%q) with LOOPGEN_DIR: got %q, %v; want %q", explicit, got, err, want)
		}
	}
	if _, err := rundir.BaseDir("x/y"); err == nil || !strings.Contains(err.Error(), "relative") {
		t.Errorf("a relative path: got %v", err)
	}
	t.Setenv("LOOPGEN_DIR", "x")
	if _, err := rundir.BaseDir(""); err == nil || !strings.Contains(err.Error(), "LOOPGEN_DIR") || !strings.Contains(err.Error(), "relative") {
		t.Errorf("a relative LOOPGEN_DIR: got %v", err)
	}
	if _, err := rundir.Open("x", "name"); err == nil {
		t.Error("Open with a relative base directory: got no error")
	}
}

func TestNames(t *testing.T) {
	base := filepath.Join(t.TempDir(), "made", "on", "the", "way")
	paths := map[string]string{}
	for _, name := range []string{
		"a", "A", "/", "..", ".", "../../etc/passwd", "/etc/passwd", "a/b", "a\x00b", "a b", "日本語", "\xff\xfe",
		"example.com/counter.Counter", "con", "-", strings.Repeat("x", 300), strings.Repeat("/..", 1000), strings.Repeat("n", 4096), "\n",
	} {
		d, err := rundir.Open(base, name)
		if err != nil {
			t.Errorf("Open(%q): %v", name, err)
			continue
		}
		if filepath.Dir(d.Path()) != base || len(filepath.Base(d.Path())) > 40 {
			t.Errorf("Open(%q) is %q", name, d.Path())
		}
		if before, ok := paths[strings.ToLower(d.Path())]; ok {
			t.Errorf("%q and %q are the same directory", name, before)
		}
		paths[strings.ToLower(d.Path())] = name
		again, err := rundir.Open(base, name)
		if err != nil || again.Path() != d.Path() {
			t.Errorf("Open(%q) again: %v, %v", name, again, err)
		}
	}
	for path := base; filepath.Base(path) != "made"; path = filepath.Dir(path) {
		if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v; want 0700", path, info.Mode(), err)
		}
	}
	for _, name := range []string{"", strings.Repeat("n", 4097)} {
		if _, err := rundir.Open(base, name); err == nil {
			t.Errorf("a name of %d bytes: got no error", len(name))
		}
	}
}

func TestUnsafeDirectory(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(path string) error
		want  string
	}{
		"0777":           {func(p string) error { return os.Chmod(p, 0o777) }, "chmod 700"},
		"0750":           {func(p string) error { return os.Chmod(p, 0o750) }, "0750"},
		"0500":           {func(p string) error { return os.Chmod(p, 0o500) }, "0500"},
		"link":           {func(p string) error { return errors.Join(os.Rename(p, p+"x"), os.Symlink(p+"x", p)) }, "symbolic link"},
		"file":           {func(p string) error { return errors.Join(os.Remove(p), os.WriteFile(p, nil, 0o600)) }, "a file"},
		"someone else's": {func(p string) error { return os.Chown(p, 65534, 65534) }, "another user"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "someone else's" && os.Geteuid() != 0 {
				t.Skip("only root can give a directory away")
			}
			base := t.TempDir()
			d, err := rundir.Open(base, "name")
			if err == nil {
				err = test.spoil(d.Path())
			}
			if err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(d.Path())
			if err != nil {
				t.Fatal(err)
			}
			_, err = rundir.Open(base, "name")
			if err == nil || !strings.Contains(err.Error(), d.Path()) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want the path and %q", err, test.want)
			}
			var unsafe *rundir.UnsafeError
			if name != "file" && (!errors.Is(err, rundir.ErrUnsafe) || !errors.As(err, &unsafe) || unsafe.Remedy == "") {
				t.Errorf("got %#v, want an UnsafeError", err)
			}
			if after, err := os.Lstat(d.Path()); err != nil || after.Mode() != before.Mode() {
				t.Errorf("the directory was changed: %v, %v", after, err)
			}
		})
	}
}

func TestReadOnly(t *testing.T) {
	dir := mountTmpfs(t, readOnly, "")
	_, err := rundir.Open(filepath.Join(dir, "base"), "name")
	if !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want the path and the reason", err)
	}
}

func mountTmpfs(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := mount(dir, flags, options); err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	t.Cleanup(func() { unmount(dir) })
	return dir
}

// TestUmask has twenty processes make all files at once under each umask, as a user to whom
// permissions apply.
func TestUmask(t *testing.T) {
	credential, scratch := ordinaryUser(t)
	program := publicCopy(t, scratch)
	for _, umask := range []string{"0000", "0022", "0777"} {
		base := filepath.Join(scratch, "base"+umask)
		var all []waiter
		for range 20 {
			cmd := process(t, "herd", base, umask)
			cmd.Path, cmd.SysProcAttr, cmd.Dir = program, credential, "/"
			all = append(all, startWaiter(t, cmd))
		}
		for _, w := range all {
			if err := w.wait(); err != nil {
				t.Errorf("umask %s: %v", umask, err)
			}
		}
		// As if the maker was stopped before it could set the modes.
		locks, err := filepath.Glob(filepath.Join(base, "*", "*.lock"))
		if err != nil || len(locks) != 1 {
			t.Fatalf("locks: %q, %v", locks, err)
		}
		if err := os.Chmod(locks[0], 0); err != nil {
			t.Fatal(err)
		}
		again := process(t, "herd", base, umask)
		again.Path, again.SysProcAttr, again.Dir = program, credential, "/"
		if err := startWaiter(t, again).wait(); err != nil {
			t.Errorf("a lock without permissions, umask %s: %v", umask, err)
		}
		publish := process(t, "publish", base, umask)
		publish.Path, publish.SysProcAttr, publish.Dir = program, credential, "/"
		if err := startWaiter(t, publish).wait(); err != nil {
			t.Errorf("publishing with umask %s: %v", umask, err)
		}
		var names []string
		err = filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if entry.IsDir() {
				want = 0o700
			}
			if info, err := entry.Info(); err != nil || info.Mode().Perm() != want {
				t.Errorf("umask %s: %s is %v, %v; want %v", umask, path, info.Mode(), err, want)
			}
			names = append(names, entry.Name())
			return nil
		})
		// Only the base directory, the directory and four files.
		if err != nil || len(names) != 6 {
			t.Errorf("umask %s: %q, %v", umask, names, err)
		}
	}
}

// TestMakersAtOnce has many goroutines make the same directories at the same moment. Each may
// replace the directory of another one while it is still empty. A goroutine that was about
// to use the replaced directory must not fail.
func TestMakersAtOnce(t *testing.T) {
	for range 100 {
		base := filepath.Join(t.TempDir(), "made", "on", "the", "way")
		var makers sync.WaitGroup
		for range 16 {
			makers.Go(func() {
				d, err := rundir.Open(base, "name")
				if err == nil {
					var unlock func()
					if unlock, _, err = d.TrySpawnLock(); unlock != nil {
						unlock()
					}
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		makers.Wait()
	}
}
