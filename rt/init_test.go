//go:build unix

package rt_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// A program that never connects pays next to nothing for its generated code and for this
// package: a table for each service and a few maps. The test counts allocations, which
// are the same on every machine. Each limit is about twice the present number. More means
// that something is made which could wait for its first use.
func TestInitialisationWaits(t *testing.T) {
	limits := map[string]int{
		"github.com/loopgen/loopgen/rt":                  8,
		"github.com/loopgen/loopgen/rt/internal/process": 32,
		"github.com/loopgen/loopgen/rt/internal/rundir":  8,
		"github.com/loopgen/loopgen/rt/internal/wire":    8,
		"github.com/loopgen/loopgen/rt/stub":             50,
		"github.com/loopgen/loopgen/testdata/objects":    50,
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"="+doNothing, "GODEBUG=inittrace=1")
	var traced strings.Builder
	cmd.Stderr = &traced
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(traced.String()) {
		// init rt/stub @1.2 ms, 0.05 ms clock, 5216 bytes, 25 allocs
		f := strings.Fields(line)
		if len(f) != 11 || f[0] != "init" {
			continue
		}
		limit, ok := limits[f[1]]
		n, err := strconv.Atoi(f[9])
		if !ok || err != nil {
			continue
		}
		seen++
		if n > limit {
			t.Errorf("%s: %d allocations before main, want at most %d", f[1], n, limit)
		}
	}
	if seen == 0 {
		t.Errorf("nothing was traced: %s", traced.String())
	}
}
