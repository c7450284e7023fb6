//go:build unix

package rt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// version returns the singleton as clients of another version of the program share it.
// The constructor's arguments differ, too.
func (a singleton) version(n int, policy rt.MismatchPolicy) singleton {
	a.Version, a.Policy, a.Options.Start = n, policy, 100*n
	return a
}

// serving returns the version of a's daemon.
func (a singleton) serving(t *testing.T) int {
	t.Helper()
	s, err := share(t, a).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Version
}

// replacedAgo notes that a's daemon was last replaced then.
func (a singleton) replacedAgo(t *testing.T, ago time.Duration) {
	t.Helper()
	d := a.directory(t)
	s, err := d.ReadStart()
	if err != nil {
		t.Fatal(err)
	}
	s.Replaced = time.Now().Add(-ago)
	if err := d.WriteStart(s); err != nil {
		t.Fatal(err)
	}
}

// Every policy, against an older, the same and a newer version, whose daemon is
// used or not, and makes its object in the same way or in another.
func TestMismatchPolicies(t *testing.T) {
	const ours = 2
	test := func(t *testing.T, theirs int, policy rt.MismatchPolicy, used, same bool) {
		old := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.witnessed().version(theirs, rt.MismatchRefuse)
		user := share(t, old)
		before, err := mustConnect(t, user).Inc(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !used {
			user.Close()
			old.clients(t, 0)
		}
		first := old.endpoint(t).Incarnation
		a := old.version(ours, policy)
		if same {
			a.Options = old.Options
		}
		replaces := theirs < ours && (policy == rt.MismatchReplace || policy == rt.MismatchReplaceIdle && !used)
		shared := share(t, a)
		err = shared.EnsureStarted(t.Context())
		now := a.endpoint(t)
		want := map[bool]int{true: ours, false: theirs}[replaces]
		if replaced := now.Incarnation != first; replaced != replaces || now.Version != want || a.serving(t) != want {
			t.Fatalf("the daemon was replaced: %v, and serves version %d; want %v, %d", replaced, now.Version, replaces, want)
		}
		switch {
		case replaces || same || theirs == ours: // whose options are the same
			if err != nil {
				t.Fatal(err)
			}
			after := before + 1
			if replaces {
				after = a.Options.Start + 1
			}
			if n, err := mustConnect(t, shared).Inc(t.Context()); n != after || err != nil {
				t.Errorf("counted to %d, %v; want %d", n, err, after)
			}
		default:
			var e *rt.StartError
			if !errors.As(err, &e) || !errors.Is(err, rt.ErrConfigMismatch) {
				t.Errorf("got %v, want a *StartError around %v", err, rt.ErrConfigMismatch)
			}
			says := map[bool]string{
				true:  `; Config.OnMismatch did not replace version 0: the daemon refused: in use: clients: 1, calls: [01]$`,
				false: `; Config.OnMismatch does not replace version 3 by version 2$`,
			}[theirs < ours]
			if policy != rt.MismatchRefuse && !regexp.MustCompile(says).MatchString(fmt.Sprint(err)) {
				t.Errorf("%v does not say %q", err, says)
			}
		}
		if replaces && used { // the client of the older version
			_, err := mustConnect(t, share(t, a)).Inc(t.Context())
			if err != nil {
				t.Error(err)
			}
			err = user.EnsureStarted(t.Context())
			if same && err != nil || !same && !errors.Is(err, rt.ErrConfigMismatch) {
				t.Errorf("the older client: %v", err)
			}
		}
		if births := a.births(t); births != map[bool]int{true: 2, false: 1}[replaces] {
			t.Errorf("%d objects were made", births)
		}
	}
	for name, policy := range map[string]rt.MismatchPolicy{
		"refuse": rt.MismatchRefuse, "replace idle": rt.MismatchReplaceIdle, "replace": rt.MismatchReplace,
	} {
		for _, theirs := range []int{0, ours, ours + 1} {
			for _, used := range []bool{true, false} {
				for _, same := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s/of %d/used %v/same %v", name, theirs, used, same), func(t *testing.T) {
						t.Parallel()
						test(t, theirs, policy, used, same)
					})
				}
			}
		}
	}
}

// A daemon of another type is not an older version.
func TestAnotherTypeIsNotReplaced(t *testing.T) {
	t.Parallel()
	a := singleton{Dir: rttest.Dir(t), Name: "c"}
	vault := objects.ShareVault(a.config())
	defer vault.Close()
	if err := vault.EnsureStarted(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := a.endpoint(t).Incarnation
	err := share(t, a.version(2, rt.MismatchReplace)).EnsureStarted(t.Context())
	if !errors.Is(err, rt.ErrIncompatible) || strings.Contains(fmt.Sprint(err), "version") {
		t.Errorf("got %v, want %v", err, rt.ErrIncompatible)
	}
	if now := a.endpoint(t).Incarnation; now != first {
		t.Error("it was replaced")
	}
}

// A daemon is replaced at most once in ten seconds. A time that is yet to come is
// that of a clock which was set back.
func TestReplacedAgain(t *testing.T) {
	t.Parallel()
	older := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.version(1, rt.MismatchReplace)
	newer := older.version(2, rt.MismatchReplace)
	again := func(version int) {
		t.Helper()
		if err := share(t, newer).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
			t.Fatal(err)
		}
		connect(t, older)
		err := share(t, newer).EnsureStarted(t.Context())
		if got := newer.serving(t); got != version || (err == nil) != (version == 2) {
			t.Errorf("version %d serves, and the newer client got: %v; want version %d", got, err, version)
		}
		if err != nil && !regexp.MustCompile(`; Config.OnMismatch did not replace version 1: the last one was replaced [0-9.]+m?s ago, and that is done at most once in 10s$`).MatchString(err.Error()) {
			t.Errorf("got %v", err)
		}
	}
	again(2)
	again(1)
	newer.replacedAgo(t, 9*time.Second)
	again(1)
	newer.replacedAgo(t, 10*time.Second)
	again(2)
	newer.replacedAgo(t, -time.Hour)
	again(2)
}

// Running calls are finished and acknowledged, and the new daemon executes waiting calls.
// No older client starts the old daemon again meanwhile.
func TestReplaceDrains(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		older := a.witnessed().version(1, rt.MismatchReplace)
		newer := older.version(2, rt.MismatchReplace)
		user := share(t, older)
		open, result := gated(t, mustConnect(t, user))
		log := older.endpoint(t).Log
		connected := make(chan error, 1)
		go func() { connected <- share(t, newer).EnsureStarted(context.Background()) }()
		eventually(t, "it is leaving", func() bool { return fileContains(log, `msg="shutting down"`) })
		var others sync.WaitGroup
		for range 4 {
			others.Go(func() {
				if err := share(t, older).EnsureStarted(context.Background()); !errors.Is(err, rt.ErrConfigMismatch) {
					t.Errorf("an older client: %v, want %v", err, rt.ErrConfigMismatch)
				}
			})
			others.Go(func() {
				if err := share(t, newer).EnsureStarted(context.Background()); err != nil {
					t.Errorf("another newer client: %v", err)
				}
			})
		}
		open()
		if n, err := result(); n != 101 || err != nil {
			t.Errorf("the running call: %d, %v", n, err)
		}
		if err := <-connected; err != nil {
			t.Error(err)
		}
		others.Wait()
		if births := newer.births(t); births != 2 || newer.serving(t) != 2 {
			t.Errorf("%d objects were made, version %d serves; want 2, 2", births, newer.serving(t))
		}
	})
}

// A replacement that takes too long is given up, and leaves the way free for the
// next one.
func TestReplaceDrainsForTooLong(t *testing.T) {
	t.Parallel()
	older := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed().version(1, rt.MismatchReplace)
	newer := older.version(2, rt.MismatchReplace)
	open, result := gated(t, connect(t, older))
	hasty := func(c *rt.Config) { c.StartTimeout = 2 * time.Second }
	var all sync.WaitGroup
	for range 3 { // one starts the daemon, the others wait for it
		all.Go(func() {
			err := share(t, newer, hasty).EnsureStarted(context.Background())
			var e *rt.StartError
			if !errors.As(err, &e) || !errors.Is(err, rt.ErrDraining) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want a *StartError around %v", err, rt.ErrDraining)
			}
		})
	}
	all.Wait()
	done := make(chan error, 1)
	go func() { done <- share(t, newer).EnsureStarted(context.Background()) }()
	open()
	if n, err := result(); n != 101 || err != nil {
		t.Errorf("the running call: %d, %v", n, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if births := newer.births(t); births != 2 || newer.serving(t) != 2 {
		t.Errorf("%d objects were made, version %d serves; want 2, 2", births, newer.serving(t))
	}
}

// A client that is killed, or closed, in the middle of a replacement leaves it to the
// next client.
func TestReplacerDies(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"killed", "closed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			older := singleton{Dir: rttest.Dir(t), Name: "c"}.witnessed().version(1, rt.MismatchReplace)
			newer := older.version(2, rt.MismatchReplace)
			open, result := gated(t, connect(t, older))
			log := older.endpoint(t).Log
			leaving := func() bool { return fileContains(log, `msg="shutting down"`) }
			if how == "killed" {
				first := start(t, "hold", newer)
				eventually(t, "it is leaving", leaving)
				first.cmd.Process.Kill()
				first.cmd.Wait()
			} else {
				first, failed := share(t, newer), make(chan error, 1)
				go func() { failed <- first.EnsureStarted(context.Background()) }()
				eventually(t, "it is leaving", leaving)
				first.Close()
				if err := <-failed; !errors.Is(err, rt.ErrClosed) {
					t.Errorf("who closed got %v", err)
				}
			}
			next := make(chan error, 1)
			go func() { next <- share(t, newer).EnsureStarted(context.Background()) }()
			open()
			if n, err := result(); n != 101 || err != nil {
				t.Errorf("the running call: %d, %v", n, err)
			}
			if err := <-next; err != nil {
				t.Error(err)
			}
			if births := newer.births(t); births != 2 || newer.serving(t) != 2 {
				t.Errorf("%d objects were made, version %d serves; want 2, 2", births, newer.serving(t))
			}
		})
	}
}

// A daemon that is stopped is not replaced, and neither is one that is not there.
func TestReplaceStopped(t *testing.T) {
	t.Parallel()
	older := singleton{Dir: rttest.Dir(t), Name: "c", IdleTTL: -1}.version(1, rt.MismatchReplace)
	newer := older.version(2, rt.MismatchReplace)
	connect(t, older)
	resume := older.stop(t)
	hasty := func(c *rt.Config) { c.ConnectTimeout = 300 * time.Millisecond }
	if err := share(t, newer, hasty).EnsureStarted(t.Context()); !errors.Is(err, rt.ErrUnresponsive) {
		t.Errorf("got %v, want %v", err, rt.ErrUnresponsive)
	}
	resume()
	older.kill(t) // its endpoint stays
	connect(t, newer)
	d := newer.directory(t)
	if s, err := d.ReadStart(); err != nil || !s.Replaced.IsZero() || newer.serving(t) != 2 {
		t.Errorf("noted as a replacement: %v, %v", s.Replaced, err)
	}
}

// The policies mean the same without processes.
func TestReplaceInProcess(t *testing.T) {
	t.Setenv("LOOPGEN_MODE", "inprocess")
	older := singleton{Dir: t.TempDir(), Name: "c"}.version(1, rt.MismatchReplace)
	newer := older.version(2, rt.MismatchReplaceIdle)
	user := share(t, older)
	mustConnect(t, user)
	if err := share(t, newer).EnsureStarted(t.Context()); !errors.Is(err, rt.ErrConfigMismatch) || older.serving(t) != 1 {
		t.Errorf("got %v", err)
	}
	newer.Policy = rt.MismatchReplace
	if n, err := connect(t, newer).Inc(t.Context()); n != 201 || err != nil || newer.serving(t) != 2 {
		t.Errorf("got %d, %v", n, err)
	}
	eventually(t, "the older client sees that its daemon has left", func() bool {
		return errors.Is(user.EnsureStarted(t.Context()), rt.ErrConfigMismatch)
	})
	latest := newer.version(3, rt.MismatchReplace)
	if err := share(t, latest).EnsureStarted(t.Context()); !errors.Is(err, rt.ErrConfigMismatch) || latest.serving(t) != 2 {
		t.Errorf("a moment later: %v", err)
	}
	if err := share(t, newer).Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Error(err)
	}
}

func TestVersionsThatAreNone(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*rt.Config){
		"Config.Version is -1: give one from 0": func(c *rt.Config) { c.Version = -1 },
		"unknown Config.OnMismatch 9: use":      func(c *rt.Config) { c.OnMismatch = 9 },
		"no Config.Version to tell them by":     func(c *rt.Config) { c.OnMismatch = rt.MismatchReplaceIdle },
	} {
		err := share(t, singleton{Name: "c"}, change).EnsureStarted(t.Context())
		var e *rt.StartError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want a *StartError that says %q", err, says)
		}
	}
}

// copyProgram returns a copy of this program: another build, as far as rt can see.
func copyProgram(t *testing.T) string {
	t.Helper()
	return written(t, "copy", `cp "$1" "$0"`, os.Args[0])
}

// written returns a program that a shell command writes to $0. A file that this
// process wrote itself may be busy for a moment: another test may have forked.
func written(t *testing.T, name, command string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("/bin/sh", append([]string{"-c", command + ` && chmod 700 "$0"`, path}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// Each build has an object of its own, under the same name, for all versions. Status and
// the like ask the daemon of that build.
func TestPerBuild(t *testing.T) {
	t.Parallel()
	ours := singleton{Dir: rttest.Dir(t), Name: "c é", IdleTTL: -1}.version(1, rt.MismatchPerBuild)
	theirs := ours.version(2, rt.MismatchPerBuild)
	copied := copyProgram(t)
	increment := func(a singleton, program string, want int) {
		t.Helper()
		var values []int
		start(t, "increment", a, withProgram(program), withN(1)).wait(t, &values)
		if len(values) != 1 || values[0] != want {
			t.Errorf("counted to %v, want %d", values, want)
		}
	}
	increment(ours, os.Args[0], 101)
	increment(theirs, copied, 201)
	increment(ours, os.Args[0], 102)
	increment(theirs, copied, 202)
	shared := share(t, ours)
	s, err := shared.Status(t.Context())
	if err != nil || s.Version != 1 || s.Calls != 2 || s.Name != "c é" {
		t.Errorf("got %q, version %d, with %d calls, %v", s.Name, s.Version, s.Calls, err)
	}
	if err := shared.Restart(t.Context()); err != nil {
		t.Error(err)
	}
	increment(ours, os.Args[0], 101)
	increment(theirs, copied, 203)
	if err := shared.Shutdown(t.Context(), rt.ShutdownDrain); err != nil {
		t.Error(err)
	}
	if _, err := shared.Status(t.Context()); !errors.Is(err, rt.ErrNotRunning) {
		t.Errorf("Status: %v, want %v", err, rt.ErrNotRunning)
	}
	increment(theirs, copied, 204)
	increment(ours, os.Args[0], 101)
	// A client without that policy shares with all builds.
	ours.Policy, theirs.Policy = rt.MismatchRefuse, rt.MismatchRefuse
	theirs.Options = ours.Options
	increment(ours, os.Args[0], 101)
	increment(theirs, copied, 102)
}
