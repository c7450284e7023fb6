//go:build unix

package rt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
	"github.com/loopgen/loopgen/testdata/objects"
)

// Neighbour returns the process that hosts a Counter in a scope, as the object
// itself finds it.
func (o *odd) Neighbour(scope string) string {
	pid, err := neighbour(context.Background(), rt.Scope(scope))
	if err != nil {
		return err.Error()
	}
	return strconv.Itoa(pid)
}

func neighbour(ctx context.Context, scope rt.Scope) (int, error) {
	shared := objects.ShareCounter(rt.Config{Scope: scope, Name: "neighbour"}, objects.Options{})
	defer shared.Close()
	c, err := shared.Connect(ctx)
	if err != nil {
		return 0, err
	}
	s, err := c.Environment(ctx)
	return s.PID, err
}

func init() {
	// neighbour compares what the object finds in its scope with what this
	// process finds.
	addRole("neighbour", func(ctx context.Context, _ *counterShared, a args) (any, error) {
		shared := shareOddWith(rt.Config{Scope: a.Scope, Name: "odd"})
		defer shared.Close()
		c, err := shared.Connect(ctx)
		if err != nil {
			return nil, err
		}
		pid, err := neighbour(ctx, a.Scope)
		if err != nil {
			return nil, err
		}
		var theirs string
		err = stub.Call(ctx, c, "Neighbour", stub.Args1(string(a.Scope)), func(d *stub.Decoder) { stub.Decode(d, &theirs) })
		return theirs == strconv.Itoa(pid), err
	})
	// both shares one name from two working directories: its own, and the one that it gets.
	addRole("both", func(ctx context.Context, first *counterShared, a args) (any, error) {
		if err := os.Chdir(a.Text[0]); err != nil {
			return nil, err
		}
		second := objects.ShareCounter(a.config(), a.Options)
		defer second.Close()
		var values []int
		for _, shared := range []*counterShared{first, second, first} {
			n, err := increment(ctx, shared, 1)
			if err != nil {
				return nil, err
			}
			values = append(values, n...)
		}
		return values, nil
	})
}

// elsewhere is where a client process runs.
type elsewhere struct {
	dir   string
	env   []string
	shell string // what is done first
}

// says returns what a client process says that plays a role there.
func (w elsewhere) says(t *testing.T, role string, a singleton, options ...option) string {
	t.Helper()
	cmd := command(t, role, a, append(options, withShell(w.shell))...)
	cmd.Dir = w.dir
	cmd.Env = append(cmd.Env, w.env...)
	if w.dir != "" {
		cmd.Env = append(cmd.Env, "PWD="+w.dir)
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v", out, err)
	}
	return strings.TrimSpace(string(out))
}

// daemon returns the process of the daemon that is found from there.
func (w elsewhere) daemon(t *testing.T, a singleton) int {
	t.Helper()
	said := w.says(t, "pid", a)
	pid, err := strconv.Atoi(said)
	if err != nil {
		t.Fatalf("in %s: got %s, want a process", w.dir, said)
	}
	return pid
}

// refused checks that a process there cannot connect, since its directory is not
// to be found.
func (w elsewhere) refused(t *testing.T, a singleton, reason string) {
	t.Helper()
	for role, prefix := range map[string]string{"connect": "loopgen: ", "status": "loopgen: "} {
		var said string
		if err := json.Unmarshal([]byte(w.says(t, role, a)), &said); err != nil || !strings.HasPrefix(said, prefix) ||
			!strings.Contains(said, string(rt.StageDirectory)+": ") || !strings.Contains(said, reason) {
			t.Errorf("%s said %q, %v, want an error at stage %s that says %q", role, said, err, rt.StageDirectory, reason)
		}
	}
}

func init() {
	addRole("status", func(ctx context.Context, shared *counterShared, a args) (any, error) {
		_, err := shared.Status(ctx)
		return fmt.Sprint(err), nil
	})
}

// sources makes files and directories in a new directory, which no source tree contains.
// The names of directories end in a slash.
func sources(t *testing.T, names ...string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.MkdirAll(path, 0o755))
		} else {
			err = errors.Join(err, os.WriteFile(path, nil, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Processes that work in one source tree share, wherever in it they are and
// however they came there; others have an object of their own.
func TestScopeProject(t *testing.T) {
	t.Parallel()
	root := sources(t, "a/.git/", "a/x/y/", "a/module/go.mod", "a/module/z/", "b/a/.hg/", "none/")
	if err := os.Symlink(filepath.Join(root, "a/x"), filepath.Join(root, "none/link")); err != nil {
		t.Fatal(err)
	}
	dir := rttest.Dir(t)
	at := func(path string) elsewhere {
		return elsewhere{dir: filepath.Join(root, path), env: []string{"LOOPGEN_DIR=" + dir}}
	}
	a := singleton{Scope: rt.ScopeProject, Name: "c", IdleTTL: -1}
	daemon := at("a").daemon(t, a)
	for path, same := range map[string]bool{
		"a/x/y": true, "none/link": true, "none/link/y": true,
		"a/module": false, "a/module/z": false, "b/a": false,
	} {
		if got := at(path).daemon(t, a); (got == daemon) != same {
			t.Errorf("%s: the daemon is %d, that of a is %d; want the same: %v", path, got, daemon, same)
		}
	}
	if one, other := at("a/module").daemon(t, a), at("a/module/z").daemon(t, a); one != other {
		t.Errorf("a module in a repository: daemons %d and %d", one, other)
	}
	at("none").refused(t, a, "go.mod, .git, .hg, .jj, .svn, .bzr; work in a project")
	for _, project := range []string{"a", "a/x/y"} {
		if got := at(project).says(t, "neighbour", singleton{Scope: rt.ScopeProject}); got != "true" {
			t.Errorf("in %s, the daemon finds another project than its clients: %s", project, got)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(root, "a")); err != nil || len(entries) != 3 {
		t.Errorf("the project holds %v, %v", entries, err)
	}
	if entries, err := filepath.Glob(dir + "/project-a-*/c-*"); err != nil || len(entries) != 2 {
		t.Errorf("in the base directory: %v, %v; want two projects called a", entries, err)
	}
}

// A Shared is about the project in which it was made, also where no files are.
func TestScopeProjectOfShared(t *testing.T) {
	t.Parallel()
	root := sources(t, "a/go.mod", "b/go.mod")
	a := singleton{Scope: rt.ScopeProject, Name: "c"}
	for _, mode := range []string{"", "inprocess"} {
		w := elsewhere{dir: filepath.Join(root, "a"), env: []string{"LOOPGEN_DIR=" + rttest.Dir(t), "LOOPGEN_MODE=" + mode}}
		if got := w.says(t, "both", a, withText(filepath.Join(root, "b"))); got != "[1,1,2]" {
			t.Errorf("mode %q: got %s", mode, got)
		}
	}
}

// noLogin returns what a shell does to belong to no login.
func noLogin(t *testing.T) string {
	t.Helper()
	id, err := os.ReadFile("/proc/self/sessionid")
	if err != nil || strings.TrimSpace(string(id)) == "4294967295" {
		return ":"
	}
	needsRoot(t)
	return "echo 4294967295 >/proc/self/loginuid"
}

// If the kernel knows no session, the variable names it.
func TestScopeSessionByVariable(t *testing.T) {
	t.Parallel()
	dir, shell := rttest.Dir(t), noLogin(t)
	in := func(id string) elsewhere {
		return elsewhere{env: []string{"LOOPGEN_DIR=" + dir, "XDG_SESSION_ID=" + id}, shell: shell}
	}
	a := singleton{Scope: rt.ScopeSession, Name: "c", IdleTTL: -1}
	daemon := in("c2").daemon(t, a)
	if again := in("c2").daemon(t, a); again != daemon {
		t.Errorf("one session has two daemons: %d and %d", daemon, again)
	}
	if other := in("c3").daemon(t, a); other == daemon {
		t.Error("two sessions have one daemon")
	}
	if got := in("c2").says(t, "neighbour", singleton{Scope: rt.ScopeSession}); got != "true" {
		t.Errorf("the daemon finds another session than its clients: %s", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "session-c2")); err != nil {
		t.Error(err)
	}
	in("").refused(t, a, "use ScopeUser or ScopeDir, or set XDG_SESSION_ID")
	in("../x").refused(t, a, "letters and digits")
	in(strings.Repeat("1", 25)).refused(t, a, "letters and digits")
}

// The kernel distinguishes logins, whatever the environment says.
func TestScopeSessionOfLogin(t *testing.T) {
	t.Parallel()
	needs(t, "a kernel that numbers logins: Linux", runtime.GOOS == "linux")
	needsRoot(t)
	dir := rttest.Dir(t)
	const login = "echo 0 >/proc/self/loginuid"
	in := elsewhere{env: []string{"LOOPGEN_DIR=" + dir, "XDG_SESSION_ID=c2"}}
	in.shell = login + `; "$0"; XDG_SESSION_ID=c3 "$0"; ` + login
	a := singleton{Scope: rt.ScopeSession, Name: "c", IdleTTL: -1}
	// Twice in one login, and once in another.
	said := strings.Fields(in.says(t, "pid", a))
	if len(said) != 3 || said[0] != said[1] || said[0] == said[2] {
		t.Errorf("the daemons are %v; want the first twice, then another", said)
	}
}
