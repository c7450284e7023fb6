//go:build unix

package rundir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProject(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"a/.git", "a/b/go.mod/c", "a/d/e", "n"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(root, "a/d/.git"), nil, 0o600), // as in a work tree
		os.Symlink("../nowhere", filepath.Join(root, "n/.git")),
		os.Symlink("a/d/e", filepath.Join(root, "link")))
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{"a": "a", "a/b": "a", "a/b/go.mod/c": "a", "a/d/e": "a/d", "link": "a/d"} {
		if got, err := Project(filepath.Join(root, dir)); got != filepath.Join(root, want) || err != nil {
			t.Errorf("%s: got %q, %v; want %q", dir, got, err, want)
		}
	}
	for _, dir := range []string{"n", "missing"} {
		if got, err := Project(filepath.Join(root, dir)); err == nil {
			t.Errorf("%s: got %q, want an error", dir, got)
		}
	}
	if err := os.Symlink("go.mod", filepath.Join(root, "n/go.mod")); err != nil { // to itself
		t.Fatal(err)
	}
	if got, err := Project(filepath.Join(root, "n")); err == nil {
		t.Errorf("a file that cannot be examined: got %q, want an error", got)
	}
}

func TestExisting(t *testing.T) {
	base := t.TempDir()
	bases := []string{base, SessionBaseDir(base, "3"), ProjectBaseDir(base, "/src/x"), ProjectBaseDir(base, "/")}
	for _, a := range bases {
		if _, err := Open(a, "session"); err != nil {
			t.Fatal(err)
		}
	}
	found := map[string]int{}
	dirs, err := Existing(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		found[d.Path()]++
	}
	for _, a := range bases {
		if path := filepath.Join(a, "session-"+digest(16, "session")); found[path] != 1 {
			t.Errorf("%s was found %d times", path, found[path])
		}
	}
}

func TestExistingReportsUnreadable(t *testing.T) {
	base := t.TempDir()
	if err := os.WriteFile(filepath.Join(base, "session-3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if dirs, err := Existing(filepath.Join(base, "session-3")); err == nil {
		t.Errorf("a file: got %v, want an error", dirs)
	}
	if dirs, err := Existing(filepath.Join(base, "missing")); dirs != nil || err != nil {
		t.Errorf("a missing directory: got %v, %v, want none", dirs, err)
	}
}

func TestFollowLogFromItsLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	long := strings.Repeat("x", 70<<10) + "\n" // longer than the follower's buffer
	for _, test := range []struct {
		text  string
		lines int
		want  string
	}{
		{"a\nb\nc\n", 0, ""}, {"a\nb\nc\n", 1, "c\n"}, {"a\nb\nc\n", 2, "b\nc\n"}, {"a\nb\nc\n", 3, "a\nb\nc\n"},
		{"a\nb\nc\n", 9, "a\nb\nc\n"}, {"a\nb\nc\n", -1, "a\nb\nc\n"}, {"a\nb", 1, "b"}, {"", 1, ""}, {"\n\n", 1, "\n"},
		{"a\n" + long + "c\n", 2, long + "c\n"},
	} {
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		FollowLog(path, &got, test.lines).Copy(true)
		if got.String() != test.want {
			t.Errorf("%d lines of %.20q: got %.20q, want %.20q", test.lines, test.text, got.String(), test.want)
		}
	}
}
