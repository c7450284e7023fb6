// Package openmetrics checks what loopctl metrics prints with the parser of Prometheus. It
// is a module of its own, so that the product does not depend on Prometheus.
package openmetrics

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/testdata/objects"
)

func TestMain(m *testing.M) {
	rt.ServeIfDaemon()
	os.Exit(m.Run())
}

// oddName is a name that must be escaped in a label.
const oddName = "a \"quoted\" \\ name\nof two lines"

func TestMetricsAreOpenMetrics(t *testing.T) {
	loopctl := filepath.Join(t.TempDir(), "loopctl")
	if runtime.GOOS == "windows" {
		loopctl += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", loopctl, "github.com/loopgen/loopgen/cmd/loopctl").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	base, err := os.MkdirTemp("", "lg") // a short path, for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	for _, name := range []string{"plain", oddName} {
		call(t, rt.Config{Name: name, Scope: rt.ScopeDir(base), IdleTTL: time.Minute}, name == "plain")
	}
	cmd := exec.Command(loopctl, "metrics", "-dir", base)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	values := parse(t, text)
	for _, want := range []struct {
		metric, name, method, more string
		value                      float64
	}{
		{"loopgen_up", "plain", "", "", 0},
		{"loopgen_up", oddName, "", "", 1},
		{"loopgen_calls_total", "plain", "Inc", "ok", 3},
		{"loopgen_calls_total", oddName, "Inc", "ok", 3},
		{"loopgen_calls_total", oddName, "Misbehave", "panic", 1},
		{"loopgen_panics_total", oddName, "Misbehave", "", 1},
		{"loopgen_starts_total", "plain", "", "ok", 1},
		{"loopgen_call_seconds_count", oddName, "Inc", "", 3},
		{"loopgen_call_seconds_bucket", oddName, "Inc", "+Inf", 3},
		{"loopgen_wait_seconds_bucket", oddName, "Inc", "+Inf", 3},
	} {
		got, ok := values[strings.Join([]string{want.metric, want.name, want.method, want.more}, "|")]
		if !ok || got != want.value {
			t.Errorf("%+v: got %v, %t", want, got, ok)
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
}

// call makes three calls and one that panics, and leaves the daemon running or not.
func call(t *testing.T, cfg rt.Config, stop bool) {
	t.Helper()
	ctx := context.Background()
	shared := objects.ShareCounter(cfg, objects.Options{})
	t.Cleanup(func() {
		if err := shared.Shutdown(ctx, rt.ShutdownNow); err != nil && !errors.Is(err, rt.ErrNotRunning) {
			t.Error(err)
		}
		shared.Close()
	})
	c, err := shared.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.Inc(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Misbehave(ctx, "panic"); err == nil {
		t.Fatal("no panic")
	}
	if stop {
		if err := shared.Shutdown(ctx, rt.ShutdownDrain); err != nil {
			t.Fatal(err)
		}
	}
}

// parse returns the samples by metric, name, method, and outcome, result or le. It fails the test
// if a sample comes twice, has a metric without a type, or has buckets that fall.
func parse(t *testing.T, text []byte) map[string]float64 {
	t.Helper()
	values := make(map[string]float64)
	seen := make(map[string]bool)
	p := textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
	family, last := "", 0.0
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		switch entry {
		case textparse.EntryType:
			name, _ := p.Type()
			family = string(name)
		case textparse.EntrySeries:
			series, _, value := p.Series()
			if seen[string(series)] {
				t.Errorf("%s comes twice", series)
			}
			seen[string(series)] = true
			var l labels.Labels
			p.Labels(&l)
			metric := l.Get("__name__")
			if !strings.HasPrefix(metric, family) {
				t.Errorf("%s is in the family %s", series, family)
			}
			if strings.HasSuffix(metric, "_bucket") {
				if value < last {
					t.Errorf("%s has fewer than the bucket before it", series)
				}
				if last = value; l.Get("le") == "+Inf" {
					last = 0
				}
			}
			values[strings.Join([]string{metric, l.Get("name"), l.Get("method"), l.Get("outcome") + l.Get("result") + l.Get("le")}, "|")] = value
		}
	}
}
