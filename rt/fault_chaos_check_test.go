//go:build linux

package rt_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/rt"
)

// chaosCall is what a caller knows of a call that the journal notes.
type chaosCall struct {
	token             string
	invoked, returned int64  // monotonic; returned is 0 if it was not acknowledged
	life              string // if it was acknowledged
	value             int
	outcome           string // if it failed; empty if the caller was killed in it
}

// chaosHold is the time in which a caller believed to hold the lock.
type chaosHold struct {
	token    string
	life     string
	from, to int64 // monotonic; to is 0 if the caller was killed meanwhile
}

// chaosLog is what is known after a chaos run.
type chaosLog struct {
	calls    map[string]*chaosCall
	executed []chaosCall // by the journal, in its order: token, life and value
	holds    map[string]*chaosHold
	acked    int
	unknown  int
	gaveUp   int
	errors   map[string]int
	wrong    []string // what no caller may see
}

// readChaos reads the journal and the records of all clients.
func readChaos(t *testing.T, dir string) *chaosLog {
	t.Helper()
	log := &chaosLog{calls: map[string]*chaosCall{}, holds: map[string]*chaosHold{}, errors: map[string]int{}}
	records, err := filepath.Glob(filepath.Join(dir, chaosRecords, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range records {
		lines := chaosLines(t, path)
		for _, line := range lines[:len(lines)-1] { // what is behind the last newline is not complete
			log.read(t, line)
		}
	}
	log.executed = readJournal(t, dir)
	for _, c := range log.calls {
		switch {
		case c.returned != 0:
			log.acked++
		case c.outcome == "" || c.outcome == rt.OutcomeUnknown.String():
			log.unknown++
		}
	}
	return log
}

// readJournal returns what was executed: token, life and value.
func readJournal(t *testing.T, dir string) (executed []chaosCall) {
	t.Helper()
	for _, line := range chaosLines(t, filepath.Join(dir, chaosJournal)) {
		line, complete := strings.CutSuffix(line, " .")
		if !complete {
			continue // the object was killed while it wrote it, before it answered
		}
		var c chaosCall
		if _, err := fmt.Sscan(line, &c.life, &c.value, &c.token); err != nil {
			t.Fatalf("journal: %q: %v", line, err)
		}
		executed = append(executed, c)
	}
	return executed
}

// chaosLines returns the lines of a file.
func chaosLines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}

func (log *chaosLog) read(t *testing.T, line string) {
	t.Helper()
	kind, rest, _ := strings.Cut(line, ": ")
	var token string
	var err error
	switch kind {
	case "call":
		c := &chaosCall{}
		_, err = fmt.Sscan(rest, &c.token, &c.invoked)
		log.calls[c.token] = c
	case "done":
		token, _, _ = strings.Cut(rest, " ")
		c := log.calls[token]
		_, err = fmt.Sscan(rest, &token, &c.returned, &c.life, &c.value)
	case "failed":
		token, rest, _ = strings.Cut(rest, " ")
		log.calls[token].outcome = rest
	case "holds":
		h := &chaosHold{}
		_, err = fmt.Sscan(rest, &h.token, &h.from, &h.life)
		log.holds[h.token] = h
	case "gives":
		token, _, _ = strings.Cut(rest, " ")
		_, err = fmt.Sscan(rest, &token, &log.holds[token].to)
	case "gave up":
		log.gaveUp++
	case "error":
		log.errors[rest]++
	case "wrong":
		log.wrong = append(log.wrong, rest)
	default:
		err = fmt.Errorf("what kind is %q", kind)
	}
	if err != nil {
		t.Fatalf("record: %q: %v", line, err)
	}
}

// violations returns what must never be.
func (log *chaosLog) violations() (found []string) {
	report := func(format string, values ...any) { found = append(found, fmt.Sprintf(format, values...)) }
	for _, what := range log.wrong {
		report("%s", what)
	}
	highest := map[string]int{}
	executions := map[string]chaosCall{}
	for _, e := range log.executed {
		if highest[e.life]++; e.value != highest[e.life] {
			report("life %s counted %d as execution %d", e.life, e.value, highest[e.life])
		}
		if before, twice := executions[e.token]; twice {
			report("executed twice: %s, as %s %d and as %s %d", e.token, before.life, before.value, e.life, e.value)
		}
		executions[e.token] = e
		switch c := log.calls[e.token]; {
		case c == nil:
			report("executed and never called: %s", e.token)
		case c.outcome == rt.OutcomeNotSent.String() || c.outcome == rt.OutcomeNotExecuted.String():
			report("executed, although the caller was told %s: %s", c.outcome, e.token)
		}
	}
	for _, c := range log.calls {
		if e, ok := executions[c.token]; c.returned != 0 && (!ok || e.life != c.life || e.value != c.value) {
			report("acknowledged to another call: %s got %s %d, but was executed as %s %d", c.token, c.life, c.value, e.life, e.value)
		}
	}
	return append(append(found, log.shared()...), log.disorder()...)
}

// shared returns the times in which two callers believed to hold the lock of one life.
func (log *chaosLog) shared() (found []string) {
	lives := map[string][]*chaosHold{}
	for _, h := range log.holds {
		if h.to != 0 {
			lives[h.life] = append(lives[h.life], h)
		}
	}
	for life, holds := range lives {
		slices.SortFunc(holds, func(a, b *chaosHold) int { return cmp.Compare(a.from, b.from) })
		for i, h := range holds[:len(holds)-1] {
			if next := holds[i+1]; next.from < h.to {
				found = append(found, fmt.Sprintf("held twice: in life %s %s was told that it holds the lock while %s held it", life, next.token, h.token))
			}
		}
	}
	return found
}

// disorder returns calls that began after another one had returned, in the same
// life, and were counted before it; and lives that counted more than their
// callers can account for.
func (log *chaosLog) disorder() (found []string) {
	lives := map[string][]*chaosCall{}
	for _, c := range log.calls {
		if c.returned != 0 {
			lives[c.life] = append(lives[c.life], c)
		}
	}
	highest := map[string]int{}
	for _, e := range log.executed {
		highest[e.life] = max(highest[e.life], e.value)
	}
	unaccounted := 0
	for life, value := range highest {
		unaccounted += value - len(lives[life])
	}
	for life, calls := range lives {
		byReturn := slices.Clone(calls)
		slices.SortFunc(byReturn, func(a, b *chaosCall) int { return cmp.Compare(a.returned, b.returned) })
		slices.SortFunc(calls, func(a, b *chaosCall) int { return cmp.Compare(a.invoked, b.invoked) })
		var last *chaosCall // of those that had returned, the one that was counted last
		for _, c := range calls {
			for len(byReturn) > 0 && byReturn[0].returned < c.invoked {
				if last == nil || byReturn[0].value > last.value {
					last = byReturn[0]
				}
				byReturn = byReturn[1:]
			}
			if last != nil && c.value <= last.value {
				found = append(found, fmt.Sprintf("out of order: in life %s %s was counted as %d after %s had returned as %d",
					life, c.token, c.value, last.token, last.value))
			}
		}
	}
	if unaccounted > log.unknown {
		found = append(found, fmt.Sprintf("%d executions were not acknowledged, and only %d calls have an unknown outcome", unaccounted, log.unknown))
	}
	return found
}
