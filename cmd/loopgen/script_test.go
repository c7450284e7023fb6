package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the wanted output in testdata/script")

// The test binary is loopgen too, so that scripts run what was just compiled.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"loopgen": main,
	})
}

// TestScripts runs the stories of testdata/script: gen_ for what is generated,
// err_ for what is refused, run_ for what programs then do, skew_ for programs
// built from different sources.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	// Scripts build programs with the project's modules and take nothing from the network.
	download := exec.Command("go", "mod", "download")
	download.Dir = root
	if said, err := download.CombinedOutput(); err != nil {
		t.Fatalf("go mod download: %v\n%s", err, said)
	}
	var scripts []string
	for _, category := range []string{"gen_*.txtar", "err_*.txtar", "run_*.txtar", "skew_*.txtar"} {
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemons": daemons,
			"follow":  follow,
			"status":  status,
		},
		Condition: func(condition string) (bool, error) {
			switch condition {
			case "cgo":
				return hasCgo()
			case "root":
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %s", condition)
		},
	})
}

// hasCgo reports whether the go command can build packages that use cgo.
func hasCgo() (bool, error) {
	settings, err := exec.Command("go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return false, fmt.Errorf("go env: %w", err)
	}
	enabled, compiler, _ := strings.Cut(strings.TrimSpace(string(settings)), "\n")
	_, err = exec.LookPath(compiler)
	return enabled == "1" && err == nil, nil
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

// daemons looks after the daemons below LOOPGEN_DIR. "daemons 2" fails unless
// there are two; the others return when all are gone: "daemons kill" kills
// them, "daemons stop" asks them to leave as a service manager does, and
// "daemons gone" waits for those that leave by themselves.
func daemons(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: daemons number|kill|stop|gone")
	}
	alive, err := living(ts.Getenv("LOOPGEN_DIR"))
	ts.Check(err)
	switch args[0] {
	case "kill":
		ts.Check(end(alive, os.Kill))
	case "stop":
		ts.Check(end(alive, syscall.SIGTERM))
	case "gone":
		ts.Check(outlive(alive))
	default:
		if want, err := strconv.Atoi(args[0]); err != nil || len(alive) != want {
			ts.Fatalf("daemons: got %d, want %s", len(alive), args[0])
		}
	}
}

// living returns the directories below base whose lifetime lock is held.
func living(base string) (dirs []string, err error) {
	locks, err := filepath.Glob(filepath.Join(base, "*", "life.lock"))
	if err != nil {
		return nil, err
	}
	for _, path := range locks {
		lock := flock.New(path)
		free, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if !free {
			dirs = append(dirs, filepath.Dir(path))
		}
		if err := lock.Close(); err != nil {
			return nil, err
		}
	}
	return dirs, nil
}

// end sends a signal to the daemons of the directories, and returns when they
// are gone.
func end(dirs []string, sig os.Signal) error {
	for _, dir := range dirs {
		endpoint, err := os.ReadFile(filepath.Join(dir, "endpoint"))
		if errors.Is(err, os.ErrNotExist) {
			continue // it was withdrawn: the daemon is leaving
		}
		if err != nil {
			return err
		}
		_, after, _ := strings.Cut(string(endpoint), "\npid ")
		line, _, _ := strings.Cut(after, "\n")
		pid, err := strconv.Atoi(line)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		process, err := os.FindProcess(pid)
		if err != nil {
			return err
		}
		if err := process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	return outlive(dirs)
}

// outlive waits until the daemons of the directories are gone, which is when
// their lifetime locks can be had: only the end of a process releases one.
func outlive(dirs []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, dir := range dirs {
		lock := flock.New(filepath.Join(dir, "life.lock"))
		_, err := lock.TryLockContext(ctx, time.Millisecond)
		if err := errors.Join(err, lock.Close()); err != nil {
			return fmt.Errorf("waiting for the end of the daemon of %s: %w", dir, err)
		}
	}
	return nil
}

// leaveNothing fails a script that leaves a process behind, and ends its daemons.
func leaveNothing(env *testscript.Env, run string) {
	dirs, err := living(run)
	if err != nil {
		env.T().Fatal(err)
	}
	var serving []string
	for _, dir := range dirs {
		// One that has withdrawn its endpoint is leaving.
		if _, err := os.Stat(filepath.Join(dir, "endpoint")); err == nil {
			serving = append(serving, dir)
		}
	}
	err = errors.Join(end(serving, os.Kill), outlive(dirs))
	if err != nil || len(serving) > 0 {
		env.T().Fatal("daemons were left behind: ", serving, " ", err)
	}
	// A process may be left without a directory. Linux says what each runs.
	programs, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		env.T().Fatal(err)
	}
	for _, link := range programs {
		program, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(program, env.WorkDir+string(filepath.Separator)) {
			env.T().Fatal("a process was left behind: ", link, " ", program)
		}
	}
}

// setup makes the script's directory a module that uses this repository, with
// nothing taken from the network.
func setup(env *testscript.Env, root string) error {
	// The caches are shared with the tests' own build. Only the go command knows where
	// they are: its configuration file and GOPATH count as well.
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	build, modules, _ := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	env.Setenv("GOCACHE", build)
	env.Setenv("GOMODCACHE", modules)
	// Programs that live for a second need no symbols for debuggers.
	env.Setenv("GOFLAGS", "-mod=mod -buildvcs=false -ldflags=-w")
	env.Setenv("GOPROXY", "off")
	env.Setenv("GOSUMDB", "off")
	env.Setenv("GOTOOLCHAIN", "local")
	env.Setenv("GOWORK", "off")
	env.Setenv("GOOS", runtime.GOOS)
	env.Setenv("GOARCH", runtime.GOARCH)
	// The race detector lets every process sleep for a second before it exits.
	env.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	env.Setenv("ROOT", root)
	// Whatever a script starts has its directory here, and is gone at the end.
	run := filepath.Join(env.WorkDir, "run")
	env.Setenv("LOOPGEN_DIR", run)
	env.Defer(func() { leaveNothing(env, run) })
	return writeModule(env.WorkDir, root)
}

// writeModule makes dir a module that uses this repository, unless it is one.
func writeModule(dir, root string) error {
	mod := filepath.Join(dir, "go.mod")
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
	return os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o666)
}
