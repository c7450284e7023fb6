package rt_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/loopgen/loopgen/rt"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/testdata/objects"
)

// Clients and daemons of builds that speak different ranges of versions work together if
// they have one in common. Otherwise the client's error and the daemon's log name both
// ranges, and the daemon is left alone. The endpoint has the daemon's range.
func TestProtocolRanges(t *testing.T) {
	for _, test := range []struct {
		client, daemon [2]uint
		fit            bool
	}{
		{[2]uint{1, 1}, [2]uint{1, 1}, true},
		{[2]uint{1, 1}, [2]uint{1, 2}, true},
		{[2]uint{1, 2}, [2]uint{1, 1}, true},
		{[2]uint{1, 3}, [2]uint{2, 2}, true},
		{[2]uint{2, 3}, [2]uint{1, 2}, true},
		{[2]uint{1, 2}, [2]uint{2, 3}, true},
		{[2]uint{1, 1}, [2]uint{2, 2}, false},
		{[2]uint{2, 2}, [2]uint{1, 1}, false},
		{[2]uint{1, 2}, [2]uint{3, 4}, false},
		{[2]uint{3, 4}, [2]uint{1, 2}, false},
	} {
		t.Run(fmt.Sprintf("client %d-%d, daemon %d-%d", test.client[0], test.client[1], test.daemon[0], test.daemon[1]), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testRange(t, test.client, test.daemon, test.fit) })
		})
	}
}

func testRange(t *testing.T, client, daemon [2]uint, fit bool) {
	var log bytes.Buffer
	m := newDaemonOf(t, slog.New(slog.NewTextHandler(&log, nil)), 100, func(e *rundir.Endpoint) {
		e.MinProtocol, e.MaxProtocol = int(daemon[0]), int(daemon[1])
	}, func() {})
	if line := fmt.Sprintf("protocol %d-%d", daemon[0], daemon[1]); !strings.Contains(strings.Join(endpointLines(t, m.Endpoint()), "\n"), "\n"+line+"\n") {
		t.Errorf("the endpoint has no line %s", line)
	}
	shared := objects.ShareSpecimen(rt.Config{})
	defer shared.Close()
	shared.Use(rt.Place{
		Hello: wire.Hello{MinVersion: client[0], MaxVersion: client[1]},
		Find:  func() (*rundir.Endpoint, error) { return m.Endpoint(), nil },
		Dial: func() (net.Conn, error) {
			ours, theirs := net.Pipe()
			m.Serve(theirs)
			return ours, nil
		},
	})
	c, err := shared.Connect(t.Context())
	if fit {
		if err != nil {
			t.Fatal(err)
		}
		if n, err := c.Sum(t.Context(), 1); n != 1 || err != nil {
			t.Errorf("Sum: %d, %v", n, err)
		}
		if s, err := shared.Status(t.Context()); s.Calls != 1 || err != nil {
			t.Errorf("Status: %d calls, %v", s.Calls, err)
		}
		return
	}
	synctest.Wait()
	both := fmt.Sprintf("the client speaks versions %d-%d of the protocol, the daemon %d-%d", client[0], client[1], daemon[0], daemon[1])
	if !strings.Contains(log.String(), both) {
		t.Errorf("the daemon's log does not say that %s:\n%s", both, &log)
	}
	_, statusErr := shared.Status(t.Context())
	for name, err := range map[string]error{
		"Connect": err, "Status": statusErr, "Shutdown": shared.Shutdown(t.Context(), rt.ShutdownDrain), "Restart": shared.Restart(t.Context()),
	} {
		if !errors.Is(err, rt.ErrIncompatible) || !strings.Contains(fmt.Sprint(err), both) {
			t.Errorf("%s: got %v, want %v that says that %s", name, err, rt.ErrIncompatible, both)
		}
	}
	select {
	case <-m.Gone():
		t.Error("the daemon was made to leave")
	default:
	}
}
