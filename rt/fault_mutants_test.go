//go:build linux && mutants

package rt_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mutant is a mistake that somebody could make in the product: a few places in
// its source that read otherwise. It is never written into the source, and only
// this test, behind its build tag, compiles it.
type mutant struct {
	name    string
	changes []change
	mode    string // of TestChaos that is to catch it
	caught  string // a regular expression for what TestChaos says then
}

// change is a piece of a file, which is there exactly once, and what the mutant
// has instead.
type change struct{ file, old, new string }

var mutants = []mutant{{
	name: "none",
	mode: "unix/kill",
}, {
	name: "admit before counting",
	changes: []change{{
		"internal/daemon/admission.go", `
	d.conns[s] = struct{}{}
	d.perUser[s.uid]++
	if welcome.Code == wire.WelcomeOK {
		s.client = true
		d.clients++
	} else {
		s.noCalls = true // without s.mu: no other goroutine has s yet
	}
`, `
	if welcome.Code != wire.WelcomeOK {
		d.conns[s] = struct{}{}
		d.perUser[s.uid]++
		s.noCalls = true
	}
`,
	}, {
		"internal/daemon/admission.go", `if err == nil && !d.admitted(s) {`, `if err == nil && welcome.Code != wire.WelcomeOK && !d.admitted(s) {`,
	}, {
		"internal/daemon/admission.go", `
	conn.SetDeadline(time.Time{})
	s.reader.Watch(conn)
`, `
	if welcome.Code == wire.WelcomeOK {
		time.Sleep(20 * time.Millisecond)
		d.mu.Lock()
		d.conns[s] = struct{}{}
		d.perUser[s.uid]++
		s.client = true
		d.clients++
		d.mu.Unlock()
	}
	conn.SetDeadline(time.Time{})
	s.reader.Watch(conn)
`,
	}},
	mode:   "unix/idle_1ms",
	caught: `violation: errors, although nothing was killed`,
}, {
	name: "release the lifetime lock before the end",
	changes: []change{{
		"internal/rundir/daemonlock.go", `
// Publish makes`, `
func (l *DaemonLock) Release() { release(l.lock) }

// Publish makes`,
	}, {
		"internal/host/host.go", `
		h.d.FinishShutdown()
`, `
		h.lock.Release()
		h.d.FinishShutdown()
		time.Sleep(50 * time.Millisecond)
`,
	}},
	mode:   "unix/idle_1ms",
	caught: `two objects were alive at once`,
}, {
	name: "no lifetime lock",
	changes: []change{{
		"internal/rundir/daemonlock.go", `
	heldLocks.Unlock()
	return l, nil
`, `
	heldLocks.Unlock()
	release(lock)
	return l, nil
`,
	}},
	mode:   "unix/idle_1ms",
	caught: `two objects were alive at once`,
}, {
	name: "retry after an unknown outcome",
	changes: []change{{
		"client.go", `if !retry || time.Now()`, `if !retry && fail.outcome != OutcomeUnknown || time.Now()`,
	}},
	mode:   "unix/kill",
	caught: `violation: executed (twice|, although)`,
}, {
	name: "encode after the turn has passed on",
	changes: []change{{
		"stub/encoder.go", `
func Encode[T any](e *Encoder, v T) {
`, `
func Encode[T any](e *Encoder, v T) { e.later = append(e.later, func() { encode(e, v) }) }

func encode[T any](e *Encoder, v T) {
`,
	}, {
		"stub/encoder.go", `
	writer value.Writer
`, `
	later  []func()
	writer value.Writer
`,
	}, {
		"stub/encoder.go", `
func (e *Encoder) Finish() ([]byte, error) {
`, `
func (e *Encoder) Finish() ([]byte, error) {
	for _, encode := range e.later {
		encode()
	}
`,
	}, {
		"stub/encoder.go", `
func (e *Encoder) Error(err error) {
`, `
func (e *Encoder) Error(err error) { e.later = append(e.later, func() { e.encodeError(err) }) }

func (e *Encoder) encodeError(err error) {
`,
	}, {
		"internal/daemon/serveconn.go", `
	c.method.Serve(&c.run, s.d.object)
`, `
	c.method.Serve(&c.run, s.d.object)
	s.d.turn.release(&c.ticket)
	time.Sleep(100 * time.Microsecond)
`,
	}},
	mode:   "unix/stop",
	caught: `violation: a result was encoded outside its turn`,
}, {
	name: "ids used again",
	changes: []change{{
		"link.go", `
	l.last++
	c.id = l.last
`, `
	l.last++
	c.id = 1
	for l.pending[c.id] != nil {
		c.id++
	}
`,
	}, {
		"link.go", `
	if l.await(bounded, c) != nil && l.abandonPending(c) {
`, `
	if l.await(bounded, c) != nil && l.abandonPending(c) {
		l.deliver(wire.Frame{ID: c.id}, failure{})
`,
	}, {
		"internal/daemon/serveconn.go", `if f.ID <= s.last || wire`, `if wire`,
	}, {
		"internal/daemon/serveconn.go", `
	s.last = f.ID
`, `
	s.last = max(s.last, f.ID)
`,
	}},
	mode:   "unix/stop",
	caught: `violation: (acknowledged to another call|another call's answer|a result was encoded outside its turn, or is another call's)`,
}, {
	name: "no cancel after a deadline",
	changes: []change{{
		"link.go", `
	l.sendControl(f)
	bounded,`, `
	if f.Method != wire.CancelDeadline {
		l.sendControl(f)
	}
	bounded,`,
	}, {
		"link.go", `
	ended := c.ended
	if !ended {
`, `
	ended := c.ended
	if !ended && false {
`,
	}},
	mode:   "unix/stop",
	caught: `violation: the lock was not to be had`,
}}

// TestMutants builds each mutant and lets TestChaos catch it: a test that finds
// nothing wrong proves something only if it would. Chaos is random, so a mutant may
// escape twice.
func TestMutants(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			binary := m.build(t)
			said, err := m.chaos(t, binary)
			for range 2 {
				if m.caught == "" || m.isCaught(said) {
					break
				}
				t.Log("not caught, once more")
				said, err = m.chaos(t, binary)
			}
			switch {
			case m.caught == "" && err != nil:
				t.Fatalf("the test fails without a mutant:\n%s", said)
			case m.caught != "" && !m.isCaught(said):
				t.Fatalf("not caught:\n%s", said)
			}
		})
	}
}

// chaos runs TestChaos in the binary of a mutant, and returns its output.
func (m mutant) chaos(t *testing.T, binary string) ([]byte, error) {
	chaos := exec.CommandContext(t.Context(), binary, "-test.timeout", "3m", "-test.v",
		"-test.run", "^TestChaos$/^"+strings.ReplaceAll(m.mode, "/", "$/^")+"$")
	chaos.Env = append(os.Environ(), "LOOPGEN_TEST_SECONDS=6")
	chaos.WaitDelay = 10 * time.Second // a daemon of the mutant may keep the pipe open
	said, err := chaos.CombinedOutput()
	if !strings.Contains(string(said), "seed ") && !m.isCaught(said) {
		t.Fatalf("the test did not run: %v\n%s", err, said)
	}
	// Daemons without a lock are not ended with the test, but leave.
	eventually(t, "its processes have ended", func() bool { return !runs(t, binary) })
	return said, err
}

// isCaught reports whether TestChaos said what it says of the mutant, or that a call hangs.
func (m mutant) isCaught(said []byte) bool {
	return m.caught != "" && regexp.MustCompile(m.caught+"|violation: a call did not return").Match(said)
}

// TestMutantSources sees that each mutant can still be made of the product.
func TestMutantSources(t *testing.T) {
	for _, m := range mutants {
		m.sources(t)
	}
}

// sources returns the files that the mutant changes, by their paths.
func (m mutant) sources(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	for _, c := range m.changes {
		path, err := filepath.Abs(c.file)
		if err != nil {
			t.Fatal(err)
		}
		if sources[path] == "" {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sources[path] = string(b)
		}
		if n := strings.Count(sources[path], c.old); n != 1 {
			t.Fatalf("%s: %s has the following %d times, not once: the mutant must follow the product\n%s", m.name, c.file, n, c.old)
		}
		sources[path] = strings.Replace(sources[path], c.old, c.new, 1)
	}
	return sources
}

// build builds this test of the mutated product.
func (m mutant) build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for path, source := range m.sources(t) {
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(replace[path], []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "mutant.test")
	build := exec.Command("go", "test", "-c", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return binary
}

// runs reports whether there are processes of a program.
func runs(t *testing.T, binary string) bool {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if path, err := os.Readlink(link); err == nil && strings.TrimSuffix(path, " (deleted)") == binary {
			return true
		}
	}
	return false
}
