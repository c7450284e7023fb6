package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the wanted output in testdata/script")

// The test binary is loopgen too, so that scripts run what was just compiled.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"loopgen": main,
	})
}

// TestScripts runs the stories of testdata/script that are about generating:
// gen_ for what comes out, err_ for what is refused.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	var scripts []string
	for _, category := range []string{"gen_*.txtar", "err_*.txtar"} {
		found, err := filepath.Glob(filepath.Join(root, "testdata", "script", category))
		if err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, found...)
	}
	if len(scripts) == 0 {
		t.Fatal("no scripts found")
	}
	testscript.Run(t, testscript.Params{
		Files:               scripts,
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup:               func(env *testscript.Env) error { return setup(env, root) },
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
		Condition: func(condition string) (bool, error) {
			if condition == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %s", condition)
		},
	})
}

// status runs a command that must end with an exit status: status 2 loopgen.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status code command [args...]")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("exit status: got %d, want %s", got, args[0])
	}
}

// setup makes the script's directory a module that uses this repository, with
// nothing taken from the network.
func setup(env *testscript.Env, root string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	set := func(name, fallback string) {
		value := os.Getenv(name)
		if value == "" {
			value = fallback
		}
		env.Setenv(name, value)
	}
	// The caches are shared with the tests' own build.
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	set("GOCACHE", filepath.Join(cache, "go-build"))
	set("GOMODCACHE", filepath.Join(home, "go", "pkg", "mod"))
	env.Setenv("GOFLAGS", "-mod=mod")
	env.Setenv("GOPROXY", "off")
	env.Setenv("GOSUMDB", "off")
	env.Setenv("GOTOOLCHAIN", "local")
	env.Setenv("GOWORK", "off")
	env.Setenv("GOOS", runtime.GOOS)
	env.Setenv("GOARCH", runtime.GOARCH)
	env.Setenv("ROOT", root)
	mod := filepath.Join(env.WorkDir, "go.mod")
	if _, err := os.Stat(mod); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	// The same versions as here, so that the module cache has them all.
	_, requirements, _ := strings.Cut(string(text), "\ngo ")
	_, requirements, _ = strings.Cut(requirements, "\n")
	content := "module example.com/user\n\ngo 1.26\n" + requirements + "\n" +
		"require github.com/loopgen/loopgen v0.0.0\n\nreplace github.com/loopgen/loopgen => " + root + "\n"
	if err := os.WriteFile(mod, []byte(content), 0o666); err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "go.sum"), sums, 0o666)
}
