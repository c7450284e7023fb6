//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/rt/stub"
)

// mortal is an object whose first constructors are ended by signals.
type mortal struct{}

var mortalService = &stub.Service{
	Name:        "rt_test.mortal",
	Constructor: "newMortal",
	New: func(_ context.Context, args *stub.Decoder) (any, error) {
		var dir string
		var signals []int // one for each constructor, in order; the later ones return
		stub.Decode(args, &dir)
		stub.Decode(args, &signals)
		if err := args.End(); err != nil {
			return nil, err
		}
		births, err := os.OpenFile(filepath.Join(dir, "births"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(births, os.Getpid())
		text, err := os.ReadFile(births.Name())
		if err != nil {
			return nil, err
		}
		if _, err := os.Open(filepath.Join(dir, "gate")); err != nil { // a fifo: waits until the test opens it
			return nil, err
		}
		if n := bytes.Count(text, []byte("\n")); n <= len(signals) {
			syscall.Kill(os.Getpid(), syscall.Signal(signals[n-1]))
			select {} // until the signal arrives
		}
		return &mortal{}, nil
	},
}

func init() { stub.Register(mortalService) }

// mortalBirths returns the processes in which constructors ran.
func mortalBirths(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "births"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// waitForMortal makes n clients wait for one daemon whose constructors end by
// signals. It returns what Connect returns in each.
func waitForMortal(t *testing.T, dir string, n int, signals []int) []error {
	t.Helper()
	gate := filepath.Join(dir, "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, n)
	done := make(chan struct{})
	clients := make([]*rt.Shared[stub.Conn, stub.Conn], n)
	for i := range clients {
		clients[i] = shareMortal(t, dir, signals)
		waits(t, clients[i].EnsureStarted)
	}
	eventually(t, "a constructor runs", func() bool { return len(mortalBirths(t, dir)) == 1 })
	for i, c := range clients {
		go func() { // ends with the attempt that began above
			errs[i] = c.EnsureStarted(context.Background())
			done <- struct{}{}
		}()
	}
	f, err := os.OpenFile(gate, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	for range clients {
		<-done
	}
	return errs
}

func shareMortal(t *testing.T, dir string, signals []int) *rt.Shared[stub.Conn, stub.Conn] {
	self := func(c stub.Conn) stub.Conn { return c }
	shared := rt.NewShared(rt.Config{Scope: rt.ScopeDir(dir), Name: "mortal", StartTimeout: time.Minute}, mortalService, self, self, func(e *stub.Encoder) {
		stub.Encode(e, dir)
		stub.Encode(e, signals)
	})
	t.Cleanup(func() { shared.Close() })
	return shared
}

// A15. A daemon that a signal ends before it serves is started again, and all who
// waited for the first one are served by the second.
func TestSignalWhileStartingIsRetried(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := rttest.Dir(t)
			for i, err := range waitForMortal(t, dir, 5, []int{int(signal)}) {
				if err != nil {
					t.Errorf("client %d: %v", i, err)
				}
			}
			if births := mortalBirths(t, dir); len(births) != 2 {
				t.Errorf("constructors ran in %v, want two", births)
			}
			singleton{Dir: dir, Name: "mortal"}.failures(t, 0)
		})
	}
}

// A15. If a signal ends the second daemon as well, all waiting clients get an error that
// says so. No third daemon is started for them, however many they are. A later client
// starts one.
func TestTwoSignalsWhileStartingFailAll(t *testing.T) {
	t.Parallel()
	dir := rttest.Dir(t)
	signals := []int{int(syscall.SIGKILL), int(syscall.SIGKILL)}
	errs := waitForMortal(t, dir, 20, signals)
	births := mortalBirths(t, dir)
	if len(births) != 2 {
		t.Fatalf("constructors ran in %v, want two", births)
	}
	a := singleton{Dir: dir, Name: "mortal"}
	for i, err := range errs {
		e := startError(t, err, rt.StageConstructor)
		for _, want := range []string{
			"process " + births[0] + " was ended by a signal (killed)", "process " + births[1] + " was ended by a signal (killed)",
			"dmesg", "connect again", a.directory(t).LogPath(),
		} {
			if !strings.Contains(e.Error(), want) {
				t.Errorf("client %d: %v does not contain %q", i, e, want)
			}
		}
	}
	a.failures(t, 1)
	if err := shareMortal(t, dir, signals).EnsureStarted(t.Context()); err != nil {
		t.Errorf("a client that came later: %v", err)
	}
	if births := mortalBirths(t, dir); len(births) != 3 {
		t.Errorf("constructors ran in %v, want three", births)
	}
}
