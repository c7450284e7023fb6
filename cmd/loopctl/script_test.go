//go:build unix

package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/inspect"
	_ "github.com/loopgen/loopgen/rt/profile"
	"github.com/loopgen/loopgen/rt/stub"
	"github.com/loopgen/loopgen/testdata/objects"
)

var update = flag.Bool("update", false, "rewrite the wanted output in testdata")

// The test binary is loopctl and the program counters, too, so that scripts run what was
// just compiled.
func TestMain(m *testing.M) {
	if os.Getenv("COUNTERS_OLD") != "" { // be a program that an older loopgen has generated
		for i := range stub.Lookup("github.com/loopgen/loopgen/testdata/objects.Specimen").Methods {
			m := &stub.Lookup("github.com/loopgen/loopgen/testdata/objects.Specimen").Methods[i]
			m.Params, m.Doc = "", ""
		}
	}
	rt.ServeIfDaemon()
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0") // or a daemon holds its lock for a second more
	}
	testscript.Main(m, map[string]func(){
		"loopctl":  main,
		"counters": counters,
	})
}

// counters counts with a shared object, and prints the count.
func counters() {
	name := flag.String("name", "counters", "name of the object")
	dir := flag.String("dir", "", "use this ScopeDir")
	hold := flag.Bool("hold", false, "stay connected until killed")
	method := flag.String("call", "", "call this method instead: Panic, or Wait, which returns at a shutdown with ShutdownNow")
	serve := flag.Bool("serve", false, "be the service of that name")
	specimen := flag.Bool("specimen", false, "share a Specimen instead, and do not count")
	admit := flag.String("admit", "", "with -serve, the user to admit")
	flag.Parse()
	cfg := rt.Config{Name: *name, IdleTTL: time.Minute}
	if *dir != "" {
		cfg.Scope = rt.ScopeDir(*dir)
	}
	ctx := context.Background()
	if *serve {
		cfg.Scope, cfg.IdleTTL = rt.ScopeSystem, 0
		if *admit != "" {
			cfg.AllowUsers = []string{*admit}
		}
		check(objects.ShareCounter(cfg, objects.Options{}).Serve(ctx))
		return
	}
	if *specimen {
		shared := objects.ShareSpecimen(cfg)
		_, err := shared.Connect(ctx)
		check(err)
		check(shared.Close())
		return
	}
	shared := objects.ShareCounter(cfg, objects.Options{})
	c, err := shared.Connect(ctx)
	check(err)
	switch *method {
	case "Panic":
		_, err := c.Misbehave(ctx, "panic")
		fmt.Println(err)
	case "Wait":
		fmt.Println(c.EnterContext(ctx, "never opened"))
	default:
		n, err := c.Inc(ctx)
		check(err)
		fmt.Println(n)
	}
	if *hold {
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM, os.Interrupt)
		<-ended
	}
	check(shared.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func TestSelf(t *testing.T) {
	for typed, want := range map[string]string{
		"loopctl": "loopctl", "./loopctl": "./loopctl", "/opt/bin/loopctl": "/opt/bin/loopctl",
		"/home/u/.cache/go-build/ab/cd-d/loopctl": "go tool loopctl", "/tmp/go-build123/b001/exe/loopctl": "go tool loopctl",
	} {
		if got := self(typed); got != want {
			t.Errorf("%s: got %s, want %s", typed, got, want)
		}
	}
}

// TestScripts runs the stories of testdata, one or more for each command.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	check(err)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup:               func(env *testscript.Env) error { return setup(env, root) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"gone":   gone,
			"mend":   mend,
			"pid":    pid,
			"prints": prints,
			"status": exits,
			"until":  until,
			"within": within,
		},
		Condition: func(condition string) (bool, error) {
			switch condition {
			case "root":
				return os.Getuid() == 0, nil
			case "open":
				return enterable(os.TempDir()), nil
			}
			return false, fmt.Errorf("unknown condition %s", condition)
		},
	})
}

// enterable reports whether other users can enter a directory. Modes below one that they
// cannot enter do not matter.
func enterable(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

// setup gives a script a base directory of its own, whose daemons end with the script.
func setup(env *testscript.Env, root string) error {
	caches, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return err
	}
	env.Setenv("GOCACHE", string(regexp.MustCompile(`\s`).ReplaceAll(caches, nil)))
	env.Setenv("GOFLAGS", "-buildvcs=false -ldflags=-w")
	env.Setenv("ROOT", root)
	run, err := os.MkdirTemp("", "lg") // a short path, for sockets
	if err != nil {
		return err
	}
	env.Setenv("LOOPGEN_DIR", run)
	env.Defer(func() {
		if err := endAll(run); err != nil {
			env.T().Fatal(err)
		}
	})
	return nil
}

// endAll kills the daemons below a base directory and removes it.
func endAll(base string) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		daemons, err := inspect.List(inspect.Where{Dir: base})
		living := 0
		for _, d := range daemons {
			if d.Lives() {
				living++
				if p, err := os.FindProcess(d.PID); err == nil && d.State == inspect.Running {
					_ = p.Kill() // it may have ended
				}
			}
		}
		switch {
		case living == 0:
			return errors.Join(err, os.RemoveAll(base))
		case time.Now().After(deadline):
			return fmt.Errorf("%d daemons live in %s", living, base)
		}
		time.Sleep(time.Millisecond) // waiting for a lock cannot be cancelled
	}
}

// mend runs the commands of a file that doctor has printed: mend said. The LOOPGEN_DIR that a
// command exports is that of the script from then on.
func mend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mend file")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			ts.Check(ts.Exec("sh", "-e", "-c", command+"\nprintf %s \"$LOOPGEN_DIR\" >.directory"))
			ts.Setenv("LOOPGEN_DIR", ts.ReadFile(".directory"))
		}
	}
}

// pid sets a variable to the pid of a daemon: pid PID counters.
func pid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pid variable name")
	}
	d, err := inspect.Find(inspect.Where{Dir: ts.Getenv("LOOPGEN_DIR")}, args[1])
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(d.PID))
	ts.Setenv("DIR", d.Dir)
}

// gone waits until a killed daemon has ended: gone counters.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone name")
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		d, err := inspect.Find(inspect.Where{Dir: ts.Getenv("LOOPGEN_DIR")}, args[0])
		ts.Check(err)
		if !d.Lives() {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is %s", args[0], d.State)
		}
	}
}

// prints runs a command until its output has a text: prints '^running  1' loopctl status x.
func prints(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: prints pattern command [args...]")
	}
	pattern := regexp.MustCompile("(?m)" + args[0])
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := ts.Exec(args[1], args[2:]...)
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("it does not print %q: %v", args[0], err)
		}
	}
}

// exits runs a command that must end with an exit status: status 2 loopctl.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status code command [args...]")
	}
	var exit *exec.ExitError
	err := ts.Exec(args[1], args[2:]...)
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("exit status: got %d, want %s", got, args[0])
	}
}

// within is exits for a command that must end in time: within 10s 4 loopctl stop counters.
func within(ts *testscript.TestScript, neg bool, args []string) {
	limit, err := time.ParseDuration(cmp.Or(args...))
	ts.Check(err)
	begin := time.Now()
	exits(ts, neg, args[1:])
	if took := time.Since(begin); took > limit {
		ts.Fatalf("it took %v, want at most %v", took, limit)
	}
}

// until waits until a file has a text: until out 'count=[34]'.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until file pattern")
	}
	pattern := regexp.MustCompile(args[1])
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && pattern.Match(text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s has no %q: %s %v", args[0], args[1], text, err)
		}
	}
}
