//go:build unix

package rt_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// BenchmarkStart measures the way from no daemon to the first answer: in a
// directory that no daemon has used (first) and in one that has been used
// (again), on the disk and in memory, since some file systems take longer to
// make a file the more files were removed just before. Floor: fork and exec of
// this binary, which does nothing and ends.
func BenchmarkStart(b *testing.B) {
	for _, in := range []struct{ name, dir string }{{"disk", os.TempDir()}, {"memory", "/dev/shm"}} {
		for _, which := range []string{"first", "again"} {
			b.Run(in.name+"/"+which, func(b *testing.B) {
				if _, err := os.Stat(in.dir); err != nil {
					b.Skip(err)
				}
				b.Setenv("TMPDIR", in.dir)
				dir := rttest.Dir(b)
				n := 0
				duel(b, "exec", execOnce(b), func() []time.Duration {
					a := singleton{Dir: dir, Name: "c"}
					if which == "first" {
						n++
						a.Name = fmt.Sprint("c", n)
					}
					took := firstAnswer(b, a)
					if err := share(b, a).Shutdown(context.Background(), rt.ShutdownNow); err != nil {
						b.Fatal(err)
					}
					return []time.Duration{took}
				})
			})
		}
	}
}

// BenchmarkAttach measures the way of a new Shared to its first answer from a
// daemon that runs already. Floor: as in BenchmarkStart.
func BenchmarkAttach(b *testing.B) {
	a := singleton{Dir: rttest.Dir(b), Name: "c"}
	connect(b, a) // and stays connected, so that the daemon stays
	duel(b, "exec", execOnce(b), func() []time.Duration {
		return []time.Duration{firstAnswer(b, a)}
	})
}

// firstAnswer returns how long it takes from no Shared at all to an answer.
func firstAnswer(b *testing.B, a singleton) time.Duration {
	b.Helper()
	ctx := context.Background()
	begin := time.Now()
	shared := objects.ShareCounter(a.config(), a.Options)
	defer shared.Close()
	c, err := shared.Connect(ctx)
	if err == nil {
		_, err = c.Inc(ctx)
	}
	took := time.Since(begin)
	if err != nil {
		b.Fatal(err)
	}
	return took
}
