//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// A client without the hook, which is another build, starts the program that its
// Config names, and shares it with one that has the hook.
func TestCommand(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1, Env: os.Environ(), Command: []string{copyProgram(t), "x", "y z"}}.witnessed()
	var said string
	if start(t, noHook, a).wait(t, &said); said != "<nil>" {
		t.Fatalf("the client without the hook got: %s", said)
	}
	build, err := process.BuildOf(a.Command[0])
	if err != nil {
		t.Fatal(err)
	}
	own, err := process.Build()
	if err != nil {
		t.Fatal(err)
	}
	plain := a
	plain.Command = nil
	s, err := share(t, plain).Status(t.Context())
	if err != nil || s.Executable != a.Command[0] || a.endpoint(t).Build != build || build == own {
		t.Errorf("the daemon is %s, build %s, %v; want %s, %s", s.Executable, a.endpoint(t).Build, err, a.Command[0], build)
	}
	for i, client := range []singleton{plain, a} {
		if n, err := connect(t, client).Inc(t.Context()); n != i+1 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	// With a daemon of each build, a client's is that of the program it names.
	a.Policy, plain.Policy = rt.MismatchPerBuild, rt.MismatchPerBuild
	for i := range 2 {
		var values []int
		if start(t, "increment", plain, withProgram(a.Command[0]), withN(1)).wait(t, &values); fmt.Sprint(values) != fmt.Sprint([]int{2*i + 1}) {
			t.Errorf("counted to %v", values)
		}
		if n, err := connect(t, a).Inc(t.Context()); n != 2*i+2 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
}

// A relative path counts from where the process was when it named it.
func TestCommandRelative(t *testing.T) {
	program := copyProgram(t)
	t.Chdir(filepath.Dir(program))
	a := singleton{Dir: rttest.Dir(t), Name: "c", Command: []string{"./" + filepath.Base(program)}}
	shared := share(t, a)
	t.Chdir("/")
	mustConnect(t, shared)
	if s, err := shared.Status(t.Context()); err != nil || s.Executable != program {
		t.Errorf("the daemon is %s, %v; want %s", s.Executable, err, program)
	}
}

// A client whose program is not there waits for others', and their failures are not
// its own.
func TestCommandNotFoundWhileOthersFail(t *testing.T) {
	t.Parallel()
	a, open := singleton{Dir: rttest.Dir(t), Name: "c", Options: objects.Options{Fail: "error"}}.held(t)
	failed := make(chan error, 1)
	go func() { failed <- share(t, a).EnsureStarted(context.Background()) }()
	eventually(t, "the object is being made", func() bool { return a.alive(t) })
	lost := a
	lost.Command = []string{filepath.Join(a.Dir, "nothing")}
	shared := share(t, lost)
	failsMeanwhile(t, shared, open, failed)
	err := shared.EnsureStarted(t.Context())
	if startError(t, err, rt.StageSpawn); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("who waited got %v, want that its program is not there", err)
	}
}

// A command that cannot become the daemon fails the start at once, or when the time is
// over.
func TestCommandFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string { return written(t, name, `printf %s "$1" >"$0"`, text) }
	copied := copyProgram(t)
	without := append(os.Environ(), roleVar+"="+noHook, argsVar+"={}")
	for name, test := range map[string]struct {
		path  string
		env   []string
		says  string
		is    error
		stage rt.Stage
	}{
		"empty":        {says: "the path in Config.Command is empty", stage: rt.StageDirectory},
		"missing":      {path: filepath.Join(dir, "none"), says: "none: no such file", is: os.ErrNotExist},
		"not in PATH":  {path: "loopgen-none", says: "not found in $PATH"},
		"directory":    {path: dir, says: "is a directory"},
		"no program":   {path: file("text", "no program"), says: "see that the file is a program which this user may run"},
		"script":       {path: file("script", "#!/bin/sh\nexec "+copied+"\n"), says: "name the program itself, not a script that starts it"},
		"ends":         {path: "true", says: "exited with status 0 before it reported; see its log; does "},
		"runs on":      {path: file("waits", "#!/bin/sh\nexec sleep 60\n"), says: "waits, which Config.Command names, was killed after 500ms", is: rt.ErrHookMissing},
		"without hook": {path: copied, env: without, says: "copy, which Config.Command names: rt.ServeIfDaemon was not called", is: rt.ErrHookMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := singleton{Dir: rttest.Dir(t), Name: "c", Env: test.env, Command: []string{test.path}}
			hasty := func(c *rt.Config) {
				if name == "runs on" {
					c.StartTimeout = 500 * time.Millisecond
				}
			}
			err := share(t, a, hasty).EnsureStarted(t.Context())
			var e *rt.StartError
			if !errors.As(err, &e) || !strings.Contains(e.Err.Error(), test.says) || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("got %v, want a *StartError that says %q, around %v", err, test.says, test.is)
			}
			if want := test.stage; want == "" && e.Stage != rt.StageSpawn || want != "" && e.Stage != want {
				t.Errorf("failed at %s", e.Stage)
			}
			if a.alive(t) {
				t.Error("a daemon lives")
			}
			// The failure of a client's Command is no other client's.
			a.Command, a.Env = nil, nil
			connect(t, a)
		})
	}
}

// A client whose program is not there uses the daemon that is, and does not end
// one that it could not replace.
func TestCommandMissing(t *testing.T) {
	t.Parallel()
	older := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.version(1, rt.MismatchRefuse)
	connect(t, older)
	first := older.endpoint(t).Incarnation
	missing := older
	missing.Command = []string{filepath.Join(t.TempDir(), "none")}
	if n, err := connect(t, missing).Inc(t.Context()); n != 101 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	err := share(t, missing.version(2, rt.MismatchReplace)).EnsureStarted(t.Context())
	if !errors.Is(err, rt.ErrConfigMismatch) || !strings.Contains(err.Error(), "did not replace version 1: Config.Command: exec: ") {
		t.Errorf("replacing: %v", err)
	}
	if err := share(t, missing).Restart(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Restart: %v, want %v", err, os.ErrNotExist)
	}
	if now := older.endpoint(t).Incarnation; now != first {
		t.Error("the daemon is another one")
	}
}
