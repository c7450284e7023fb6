//go:build linux

package rt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/rttest"
)

// Two programs, eight processes of each, call one object, the older ones first and then
// both. The daemon of the older is replaced once, for good, and that loses or repeats no
// call. If both make the object in the same way, no caller gets an error.
func TestReplaceStorm(t *testing.T) {
	for _, transport := range []rt.Transport{rt.TransportUnix, rt.TransportTCP} {
		for name, another := range map[string]bool{"same configuration": false, "another configuration": true} {
			t.Run(fmt.Sprintf("%s/%s", transport, name), func(t *testing.T) {
				if !thorough() {
					t.Parallel()
				}
				replaceStorm(t, transport, another)
			})
		}
	}
}

func replaceStorm(t *testing.T, transport rt.Transport, another bool) {
	const processes = 8
	a := singleton{Dir: rttest.Dir(t), Name: "storm", Transport: transport, IdleTTL: 20 * time.Millisecond}
	err := os.Mkdir(filepath.Join(a.Dir, chaosRecords), 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(a.Dir, chaosJournal), nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.Options.Witness = filepath.Join(a.Dir, "witness") // where the Journals note their births
	older, newer := a, a
	older.Version, older.Policy = 1, rt.MismatchReplace
	newer.Version, newer.Policy = 2, rt.MismatchReplace
	if another {
		newer.Options.Step = 1
	}
	copied := copyProgram(t)
	var clients []*client
	begin := func(a singleton, program string) {
		for range processes {
			seed := int64(len(clients) + 1)
			clients = append(clients, start(t, "chaos", a, withProgram(program), withN(4), withSeed(seed)))
		}
	}
	executed := func() int { return len(readJournal(t, a.Dir)) }
	begin(older, os.Args[0])
	eventually(t, "the older version serves", func() bool { return executed() > 100 })
	if v := a.endpoint(t).Version; v != 1 {
		t.Errorf("version %d serves", v)
	}
	before := executed()
	began := time.Now()
	begin(newer, copied)
	eventually(t, "the newer version serves", func() bool { return lives(readJournal(t, a.Dir)) > 1 })
	for end := began.Add(long(time.Second)); time.Now().Before(end) || executed() < before+500; {
		time.Sleep(10 * time.Millisecond)
		if d, err := rundir.Open(a.Dir, a.Name); err != nil {
			t.Fatal(err)
		} else if e, err := d.ReadEndpoint(); err != nil || e.Version != 2 {
			t.Fatalf("version 2 does not serve: %+v, %v", e, err)
		}
	}
	for _, c := range clients {
		c.release()
	}
	for _, c := range clients {
		var ok bool
		c.wait(t, &ok)
	}
	log := readChaos(t, a.Dir)
	births := a.births(t)
	t.Logf("%v, %d calls acknowledged, %d given up, %d of unknown outcome, %d lives, errors: %v",
		time.Since(began).Round(time.Millisecond), log.acked, log.gaveUp, log.unknown, births, log.errors)
	for i, v := range log.violations() {
		if i == 20 {
			t.Error("violation: …")
			break
		}
		t.Errorf("violation: %s", v)
	}
	if n := lives(log.executed); births != 2 || n != 2 {
		t.Errorf("%d objects were made, and calls went to %d in turn; want 2", births, n)
	}
	for text := range log.errors {
		if !another || !strings.Contains(text, rt.ErrConfigMismatch.Error()) || !strings.Contains(text, "does not replace version # by version #") {
			t.Errorf("a caller got: %s", text)
		}
	}
}

// lives returns how often the journal goes on with another life.
func lives(executed []chaosCall) int {
	n, last := 0, ""
	for _, c := range executed {
		if c.life != last {
			n, last = n+1, c.life
		}
	}
	return n
}
