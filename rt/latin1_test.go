//go:build unix && !darwin

package rt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/rttest"
	"github.com/loopgen/loopgen/testdata/objects"
)

// latin1 returns a directory whose path is not UTF-8.
func latin1(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(rttest.Dir(t), "B\xfcro")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestDirectoryThatIsNotUTF8(t *testing.T) {
	for _, transport := range []rt.Transport{rt.TransportUnix, rt.TransportTCP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			shared := objects.ShareCounter(rt.Config{Scope: rt.ScopeDir(latin1(t)), Name: "c", Transport: transport, IdleTTL: time.Minute}, objects.Options{})
			defer shared.Close()
			c := mustConnect(t, shared)
			if n, err := c.Inc(t.Context()); n != 1 || err != nil {
				t.Errorf("Inc: %d, %v", n, err)
			}
			if s, err := shared.Status(t.Context()); err != nil || !strings.Contains(s.Log, "/B\uFFFDro/") {
				t.Errorf("Status: %+v, %v", s, err)
			}
			if err := shared.Restart(t.Context()); err != nil {
				t.Errorf("Restart: %v", err)
			}
			if n, err := mustConnect(t, shared).Inc(t.Context()); n != 1 || err != nil {
				t.Errorf("Inc after Restart: %d, %v", n, err)
			}
			if err := shared.Shutdown(t.Context(), rt.ShutdownNow); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
}

// Clients that wait for a daemon which does not start learn the reason and the path of
// its log, too.
func TestStartFailsInDirectoryThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	dir := latin1(t)
	for _, fail := range []string{"error", "exit"} {
		cfg := rt.Config{Scope: rt.ScopeDir(dir), Name: fail}
		shared := objects.ShareCounter(cfg, objects.Options{Fail: fail})
		defer shared.Close()
		_, err := shared.Connect(t.Context())
		var failure *rt.StartError
		if !errors.As(err, &failure) || failure.Stage != rt.StageConstructor || !strings.HasPrefix(failure.Log, dir) {
			t.Errorf("Connect to one whose constructor fails by %s: %v, log %q; want one below %q", fail, err, failure.Log, dir)
		}
	}
}

func TestBaseDirectoryThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	dir := latin1(t)
	cmd := command(t, "increment", singleton{Name: "c"}, withN(1))
	cmd.Env = append(cmd.Env, "LOOPGEN_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "[1]\n" {
		t.Errorf("a client: %s, %v", out, err)
	}
	cmd = command(t, "shut down", singleton{Name: "c"})
	cmd.Env = append(cmd.Env, "LOOPGEN_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "null\n" {
		t.Errorf("Shutdown: %s, %v", out, err)
	}
}
