//go:build unix

package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// exposed returns a directory with mode 0755 that, unlike t.TempDir, is in no private
// directory.
func exposed(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "exposed")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	for above := filepath.Dir(dir); above != "/"; above = filepath.Dir(above) {
		if info, err := os.Stat(above); err != nil || info.Mode().Perm()&0o077 == 0 {
			t.Skipf("needs a directory for temporary files (TMPDIR) that no private directory shelters, as %s does", above)
		}
	}
	return dir
}

// A directory above the singleton's is unsafe if another user can rename in it. Then Open
// makes nothing.
func TestParentsAreJudged(t *testing.T) {
	const another = 65534
	mkdir := func(mode fs.FileMode, paths ...string) error {
		var errs []error
		for _, path := range paths {
			errs = append(errs, os.Mkdir(path, 0o700), os.Chmod(path, mode))
		}
		return errors.Join(errs...)
	}
	for name, test := range map[string]struct {
		make   func(dir string) error
		base   string // below dir
		unsafe string // the unsafe directory, below dir; empty: none
		root   bool   // only root can make it
	}{
		"private base":            {base: "base", make: func(d string) error { return mkdir(0o700, d+"/base") }},
		"missing base":            {base: "a/b/base", make: func(string) error { return nil }},
		"readable base":           {base: "base", make: func(d string) error { return mkdir(0o755, d+"/base") }},
		"base of a private group": {base: "base", make: func(d string) error { return mkdir(0o775, d+"/base") }},
		"base open to all":        {base: "base", unsafe: "base", make: func(d string) error { return mkdir(0o777, d+"/base") }},
		"sticky base":             {base: "base", make: func(d string) error { return mkdir(0o777|fs.ModeSticky, d+"/base") }},
		"parent open to all":      {base: "a/base", unsafe: "a", make: func(d string) error { return mkdir(0o777, d+"/a") }},
		"sticky parent":           {base: "a/base", make: func(d string) error { return mkdir(0o777|fs.ModeSticky, d+"/a") }},
		"private base in an open parent": {base: "a/base", unsafe: "a", make: func(d string) error {
			return errors.Join(mkdir(0o777, d+"/a"), mkdir(0o700, d+"/a/base"))
		}},
		"project in a private base in an open parent": {base: "a/base/project-x", unsafe: "a", make: func(d string) error {
			return errors.Join(mkdir(0o777, d+"/a"), mkdir(0o700, d+"/a/base"))
		}},
		"open above a private one": {base: "a/b/base", make: func(d string) error {
			return errors.Join(mkdir(0o777, d+"/a"), mkdir(0o700, d+"/a/b"))
		}},
		"open below a private one": {base: "a/b/base", make: func(d string) error {
			return errors.Join(mkdir(0o700, d+"/a"), mkdir(0o777, d+"/a/b", d+"/a/b/base"))
		}},
		"link": {base: "link/base", make: func(d string) error {
			return errors.Join(mkdir(0o755, d+"/a"), os.Symlink("a", d+"/link"))
		}},
		"base is a link": {base: "link", make: func(d string) error {
			return errors.Join(mkdir(0o755, d+"/a"), os.Symlink(d+"/a", d+"/link"))
		}},
		"base is a link into a private base in an open parent": {base: "link", unsafe: "a", make: func(d string) error {
			return errors.Join(mkdir(0o777, d+"/a"), mkdir(0o700, d+"/a/base"), os.Symlink("a/base", d+"/link"))
		}},
		"link in an open directory": {base: "a/link/base", unsafe: "a", make: func(d string) error {
			return errors.Join(mkdir(0o777, d+"/a"), mkdir(0o700, d+"/b"), os.Symlink("../b", d+"/a/link"))
		}},
		"link from a private to an open directory": {base: "a/link/base", unsafe: "b", make: func(d string) error {
			return errors.Join(mkdir(0o700, d+"/a"), mkdir(0o777, d+"/b"), os.Symlink(d+"/b", d+"/a/link"))
		}},
		"link of this user in a sticky directory": {base: "a/link/base", make: func(d string) error {
			return errors.Join(mkdir(0o777|fs.ModeSticky, d+"/a"), mkdir(0o755, d+"/b"), os.Symlink("../b", d+"/a/link"))
		}},
		"link of another user in a sticky directory": {root: true, base: "a/link/base", unsafe: "a/link", make: func(d string) error {
			return errors.Join(mkdir(0o777|fs.ModeSticky, d+"/a"), mkdir(0o700, d+"/b"), os.Symlink("../b", d+"/a/link"), os.Lchown(d+"/a/link", another, another))
		}},
		"parent of another user": {root: true, base: "a/base", unsafe: "a", make: func(d string) error {
			return errors.Join(mkdir(0o755, d+"/a"), os.Chown(d+"/a", another, another))
		}},
		"base of another user": {root: true, base: "a", unsafe: "a", make: func(d string) error {
			return errors.Join(mkdir(0o755, d+"/a"), os.Chown(d+"/a", another, another))
		}},
		"sticky parent of another user": {root: true, base: "a/base", unsafe: "a", make: func(d string) error {
			return errors.Join(mkdir(0o777|fs.ModeSticky, d+"/a"), os.Chown(d+"/a", another, another))
		}},
		"parent of a group with other members": {root: true, base: "a/base", unsafe: "a", make: func(d string) error {
			return errors.Join(mkdir(0o775, d+"/a"), os.Chown(d+"/a", -1, 1)) // everywhere the group of user 1
		}},
		"parent of a group without write permission": {root: true, base: "a/base", make: func(d string) error {
			return errors.Join(mkdir(0o755, d+"/a"), os.Chown(d+"/a", -1, 1))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.root && os.Geteuid() != 0 {
				t.Skip("needs root, to give files away")
			}
			if name == "base of a private group" && runtime.GOOS == "darwin" {
				t.Skip("this system does not list the members of a group in a file")
			}
			dir := exposed(t)
			if err := test.make(dir); err != nil {
				t.Fatal(err)
			}
			d, err := Open(filepath.Join(dir, test.base), "name")
			if test.unsafe == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var unsafe *UnsafeError
			if want := filepath.Join(dir, test.unsafe); !errors.As(err, &unsafe) || unsafe.Path != want || !strings.Contains(err.Error(), "0700") {
				t.Fatalf("Open: %v, %v; want an UnsafeError about %s", d, err, want)
			}
			err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
				if strings.Contains(path, "name-") || strings.Contains(filepath.Base(path), freshPrefix) {
					err = fmt.Errorf("%s was made", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Nothing is made in a directory that has replaced the one that was checked.
func TestMakeDirInExchangedParent(t *testing.T) {
	dir := t.TempDir()
	path, elsewhere := filepath.Join(dir, "parent"), filepath.Join(dir, "elsewhere")
	if err := errors.Join(os.Mkdir(path, 0o700), os.Mkdir(elsewhere, 0o700)); err != nil {
		t.Fatal(err)
	}
	at, missing, err := walkPath(filepath.Join(path, "base"), filepath.Join(path, "base"))
	if err != nil || len(missing) != 1 || at.path != path {
		t.Fatalf("walkPath: %v, %q, %v", at.path, missing, err)
	}
	if err := errors.Join(os.Rename(path, path+"-"), os.Rename(elsewhere, path)); err != nil {
		t.Fatal(err)
	}
	if err := at.makeDir("base"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("makeDir: %v, want one that says to look again", err)
	}
	if entries, err := os.ReadDir(path); err != nil || len(entries) != 0 {
		t.Errorf("in the other directory: %v, %v", entries, err)
	}
}

// The next process finishes the directory that a killed process has begun to make. A daemon
// removes the directories that no process has finished.
func TestUnfinishedDirectories(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, label("name")+"-"+digest(hashDigits, "name"))
	begun := filepath.Join(base, freshPrefix+digest(hashDigits, filepath.Base(path)))
	other, kept := filepath.Join(base, ".loopgen-123"), filepath.Join(base, ".loopgen-full")
	for _, dir := range []string{begun, other, kept, filepath.Join(kept, "x")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Open(base, "name")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(begun); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", begun, err)
	}
	life, err := d.AcquireDaemonLock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := life.Clean(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", other, err)
	}
	if _, err := os.Lstat(kept); err != nil {
		t.Errorf("a directory that is not empty: %v", err)
	}
}

func TestOwnGroup(t *testing.T) {
	dir := t.TempDir()
	passwd, group := filepath.Join(dir, "passwd"), filepath.Join(dir, "group")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(passwd, "root:x:0:0::/root:\nann:x:70001:70001::/home/ann:\nbob:x:70002:70100::/home/bob:\neve:x:70003:70100::/:\n#\nodd\n")
	write(group, "root:x:0:\nann:x:70001:\nusers:x:70100:\nteam:x:70200:ann,bob\nalone:x:70300:ann,root\nlocal:x:70400:\nguests:x:70500:\n")
	const unknown = 70009 // a user in no database
	for _, test := range []struct {
		what           string
		uid, egid, gid int
		want           bool
	}{
		{"root's", 0, 0, 0, true},
		{"a private group", 70001, 70001, 70001, true},
		{"somebody else's private group", 70002, 70100, 70001, false},
		{"a primary group of two", 70002, 70100, 70100, false},
		{"a group with another member", 70001, 70001, 70200, false},
		{"a group of this user alone", 70001, 70001, 70300, true},
		{"a group of nobody", 70001, 70001, 70400, true},
		{"a group of no database", 70001, 70001, 70999, false},
		{"an unknown user's own", unknown, unknown, unknown, true},
		{"an unknown user's, of no other", unknown, 70500, 70500, true},
		{"not an unknown user's", unknown, 70500, 70400, false},
		{"shared with an unknown user", unknown, 70100, 70100, false},
	} {
		if got := isOwnGroup(test.gid, test.uid, test.egid, passwd, group); got != test.want {
			t.Errorf("%s: got %v, want %v", test.what, got, test.want)
		}
	}
	missing := filepath.Join(dir, "missing")
	if !isOwnGroup(unknown, unknown, unknown, missing, missing) || isOwnGroup(70100, unknown, unknown, missing, missing) {
		t.Error("without databases the group of the process is its own, and no other one is")
	}
}
