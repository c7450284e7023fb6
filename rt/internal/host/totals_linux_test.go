package host

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"context"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/stats"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// hosted is a host in this process, and its log.
type hosted struct {
	*Host
	said *bytes.Buffer
	stat string // path of the file of totals
}

// begin makes the daemon of a directory, in which an earlier daemon has left its totals, and
// publishes its endpoint. It serves nothing.
func begin(t *testing.T, service *stub.Service, before stats.Totals) (hosted, error) {
	t.Helper()
	dir, err := rundir.Open(t.TempDir(), "totals")
	if err != nil {
		t.Fatal(err)
	}
	stat, said := filepath.Join(dir.Path(), "stats"), new(bytes.Buffer)
	if before.Starts != nil {
		data, err := stats.Encode(service.Name, before)
		if err == nil {
			err = os.WriteFile(stat, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h, _, err := New(request(t), service, dir, slog.New(slog.NewTextHandler(said, nil)))
	if err != nil {
		return hosted{nil, said, stat}, err
	}
	if _, err := h.Publish(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.listener.Close() })
	h.d.Open()
	return hosted{h, said, stat}, nil
}

func request(t *testing.T) start.Request {
	arguments, err := wire.Marshal([]any{})
	if err != nil {
		t.Fatal(err)
	}
	return start.Request{Name: []byte("totals"), Service: "pkg.Totals", Args: arguments, IdleTTL: -1, StartTimeout: time.Minute, Transport: transportTCP}
}

// service describes a type whose constructor fails with err.
func service(err error) *stub.Service {
	return &stub.Service{Name: "pkg.Totals", New: func(context.Context, *stub.Decoder) (any, error) { return new(int), err }}
}

// starts returns what the file of totals says of starts; nil: there is no file.
func (h hosted) starts(t *testing.T) map[string]uint64 {
	t.Helper()
	data, err := os.ReadFile(h.stat)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	file, perr := stats.Parse(data)
	if err := errors.Join(err, perr); err != nil {
		t.Fatal(err)
	}
	return file.Starts
}

// once is what one daemon leaves that serves no call.
var once = stats.Totals{Starts: map[string]uint64{"ok": 1}}

func TestTotalsAreWrittenEachMinute(t *testing.T) {
	h, err := begin(t, service(nil), stats.Totals{})
	if err != nil {
		t.Fatal(err)
	}
	h.watch()
	if got := h.starts(t); got != nil {
		t.Errorf("written after a second: %v", got)
	}
	h.totals.written = h.totals.written.Add(-totalsPeriod)
	h.watch()
	if got := h.starts(t); !maps.Equal(got, once.Starts) {
		t.Errorf("after a minute: %v", got)
	}
	if since := time.Since(h.totals.written); since > totalsPeriod/2 {
		t.Errorf("the next write is %v late", since)
	}
}

func TestFailedStartIsCounted(t *testing.T) {
	h, err := begin(t, service(errors.New("no luck")), once)
	if err == nil {
		t.Fatal("it has started")
	}
	if got := h.starts(t); !maps.Equal(got, map[string]uint64{"ok": 1, "failed": 1}) {
		t.Errorf("got %v", got)
	}
}

// A file that cannot be read for the moment may have greater numbers: it is not replaced, and
// its numbers are added when it can be read.
func TestUnreadableTotalsAreKept(t *testing.T) {
	for name, hinder := range map[string]func(t *testing.T, file string) (end func()){
		"no descriptors": func(t *testing.T, _ string) func() {
			var limit syscall.Rlimit
			if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Max: limit.Max}); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
					t.Fatal(err)
				}
			}
		},
		"no permission": func(t *testing.T, file string) func() {
			if os.Getuid() == 0 {
				t.Skip("root may read every file")
			}
			if err := os.Chmod(file, 0); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := os.Chmod(file, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := begin(t, service(nil), stats.Totals{})
			if err != nil {
				t.Fatal(err)
			}
			h.writeTotals() // what an earlier daemon would have left
			end := hinder(t, h.stat)
			h.readTotals()
			h.writeTotals()
			end()
			if got := h.starts(t); !maps.Equal(got, once.Starts) || strings.Contains(h.said.String(), "cannot write") {
				t.Errorf("while it cannot be read: %v\n%s", got, h.said)
			}
			if !strings.Contains(h.said.String(), "are not written until") {
				t.Errorf("the log does not say why: %s", h.said)
			}
			h.writeTotals()
			if got := h.starts(t); !maps.Equal(got, map[string]uint64{"ok": 2}) {
				t.Errorf("when it can be read: %v", got)
			}
		})
	}
}
