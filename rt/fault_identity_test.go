//go:build unix

package rt_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// everyUse returns what the methods of a Shared return that use an endpoint.
func everyUse(shared *counterShared) map[string]error {
	ctx := context.Background()
	_, status := shared.Status(ctx)
	return map[string]error{
		"Status":   status,
		"Shutdown": shared.Shutdown(ctx, rt.ShutdownDrain),
		"Restart":  shared.Restart(ctx),
		"Connect":  shared.EnsureStarted(ctx),
	}
}

// An endpoint that was copied from the directory of another singleton leads to that
// singleton's daemon. The client does not use it and starts a daemon of its own.
func TestCopiedEndpointIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*singleton){
		"to another name": func(a *singleton) { a.Name = "d" },
		"to another base": func(a *singleton) { a.Dir = rttest.Dir(t) },
		"to a newer name": func(a *singleton) {
			a.Name = "d"
			*a = a.version(2, rt.MismatchReplace)
		},
		"to a build's": func(a *singleton) { a.Policy = rt.MismatchPerBuild },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.version(1, rt.MismatchRefuse)
			c := connect(t, a)
			if _, err := c.Inc(t.Context()); err != nil {
				t.Fatal(err)
			}
			first := a.endpoint(t)
			b := a
			change(&b)
			to := b.directory(t).Path()
			if b.Policy == rt.MismatchPerBuild {
				to = perBuildDirectory(t, b)
			}
			endpoint := readFile(t, filepath.Join(a.directory(t).Path(), "endpoint"))
			if err := os.WriteFile(filepath.Join(to, "endpoint"), endpoint, 0o600); err != nil {
				t.Fatal(err)
			}
			shared := share(t, b)
			if _, err := shared.Status(t.Context()); !errors.Is(err, rt.ErrNotRunning) {
				t.Errorf("Status: %v, want %v", err, rt.ErrNotRunning)
			}
			if err := shared.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			before, err := c.Inc(t.Context())
			if err != nil || a.endpoint(t).Incarnation != first.Incarnation {
				t.Fatalf("the other daemon did not live on: %v", err)
			}
			if _, err := mustConnect(t, shared).Inc(t.Context()); err != nil {
				t.Error(err)
			}
			if s, err := shared.Status(t.Context()); err != nil || s.PID == first.PID {
				t.Errorf("process %d serves, %v; that of the other singleton is %d", s.PID, err, first.PID)
			}
			if n, err := c.Inc(t.Context()); n != before+1 || err != nil {
				t.Errorf("the other daemon counted to %d, %v; want %d", n, err, before+1)
			}
		})
	}
}

// perBuildDirectory returns the directory that b's clients use, which nothing but
// a client can name.
func perBuildDirectory(t *testing.T, b singleton) string {
	t.Helper()
	before, err := filepath.Glob(b.Dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := share(t, b).Status(t.Context()); !errors.Is(err, rt.ErrNotRunning) {
		t.Fatalf("got %v, want %v", err, rt.ErrNotRunning)
	}
	after, err := filepath.Glob(b.Dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	after = slices.DeleteFunc(after, func(path string) bool { return slices.Contains(before, path) })
	if len(after) != 1 {
		t.Fatalf("new in the base directory: %v", after)
	}
	return after[0]
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A living daemon in the directory of another name is not used: the error names
// both. Once the daemon has noticed that its directory is gone, the other name can
// be used.
func TestDirectoryOfAnotherName(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "one tenant", IdleTTL: -1}
	connect(t, a)
	b := a
	b.Name = "another tenant"
	from, to := a.directory(t).Path(), b.directory(t).Path()
	resume := a.stop(t) // or it would notice, and leave
	if err := errors.Join(os.Remove(to), os.Rename(from, to)); err != nil {
		t.Fatal(err)
	}
	shared := share(t, b)
	for use, err := range everyUse(shared) {
		var e *rt.StartError
		if !errors.As(err, &e) || !errors.Is(err, rt.ErrIncompatible) {
			t.Errorf("%s: %v, want a *StartError around %v", use, err, rt.ErrIncompatible)
			continue
		}
		for _, part := range []string{`"one tenant"`, `"another tenant"`, to, "choose another Config.Name"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %s", use, err, part)
			}
		}
	}
	if !b.alive(t) {
		t.Error("the daemon in the directory has left")
	}
	resume()
	eventually(t, "the other name can be used", func() bool { return shared.EnsureStarted(t.Context()) == nil })
	if n, err := mustConnect(t, shared).Inc(t.Context()); n != 1 || err != nil {
		t.Errorf("the first call: %d, %v", n, err)
	}
}

// The client compares the singleton named in the endpoint before it dials.
func TestIdentityIsComparedBeforeDialing(t *testing.T) {
	t.Parallel()
	home := rttest.Dir(t)
	dir := func(base, name string) string {
		d, err := rundir.Open(filepath.Join(home, base), name)
		if err != nil {
			t.Fatal(err)
		}
		return d.Path()
	}
	here := dir("here", "c")
	link := filepath.Join(home, "link")
	if err := os.Symlink("here", link); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		scope string // of the client
		edit  func(*rundir.Endpoint)
		says  string // empty: the client dials
	}{
		"same":              {"user", func(e *rundir.Endpoint) {}, ""},
		"linked":            {"user", func(e *rundir.Endpoint) { e.Directory = filepath.Join(link, filepath.Base(here)) }, ""},
		"of older release":  {"user", func(e *rundir.Endpoint) { e.Directory = "" }, ""},
		"directory by name": {"user", func(e *rundir.Endpoint) { e.Scope = "dir:" + filepath.Join(home, "here") }, ""},
		"name":              {"user", func(e *rundir.Endpoint) { e.Name = "d" }, `is that of the name "d", not of "c"`},
		"type":              {"user", func(e *rundir.Endpoint) { e.Service = "example.com/x.Y" }, "serves example.com/x.Y"},
		"directory":         {"user", func(e *rundir.Endpoint) { e.Directory = dir("there", "c") }, "belongs to the directory"},
		"directory's name":  {"user", func(e *rundir.Endpoint) { e.Directory = dir("here", "build\x00c") }, "belongs to the directory"},
		"project":           {"project:/src/a", func(e *rundir.Endpoint) { e.Scope = "project:/src/b" }, `the scope "project:/src/b", not of "project:/src/a"`},
		"session":           {"session:2", func(e *rundir.Endpoint) { e.Scope = "session:3" }, `the scope "session:3", not of "session:2"`},
		"scope":             {"project:/src/a", func(e *rundir.Endpoint) { e.Scope = "user" }, `the scope "user", not of "project:/src/a"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &rundir.Endpoint{
				Name: "c", Scope: test.scope, Directory: here, Service: "github.com/loopgen/loopgen/testdata/objects.Counter",
				Incarnation: "1", PID: 4711,
			}
			test.edit(e)
			dialed := errors.New("dialed")
			shared := objects.ShareCounter(rt.Config{Name: "c", Version: 2, OnMismatch: rt.MismatchReplace}, objects.Options{})
			defer shared.Close()
			shared.Use(rt.Place{
				Scope: test.scope, Dir: here,
				Find: func() (*rundir.Endpoint, error) { return e, nil },
				Dial: func() (net.Conn, error) { return nil, &rt.StartError{Stage: rt.StageConnect, Err: dialed} },
			})
			if test.says == "" {
				if _, err := shared.Status(t.Context()); !errors.Is(err, dialed) {
					t.Errorf("got %v, want %v", err, dialed)
				}
				return
			}
			for use, err := range everyUse(shared) {
				if !errors.Is(err, rt.ErrIncompatible) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "choose another Config.Name") {
					t.Errorf("%s: %v, want one that says %q", use, err, test.says)
				}
			}
		})
	}
}
