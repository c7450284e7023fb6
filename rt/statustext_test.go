package rt_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt"
)

func TestStatusString(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	quiet := rt.Status{
		PID: 4711, Service: "example.com/counter.Counter", Name: "my counter", Scope: "user",
		Network: "unix", Address: "/run/user/1000/loopgen/s-7f3a9c", Log: "/home/ann/.cache/loopgen/0f/my_counter-8d/log",
		Started: at, Uptime: 90*time.Minute + 4567*time.Millisecond, IdleTTL: 2 * time.Second, IdleLeft: 1234567 * time.Microsecond,
		Calls: 12,
	}
	busy := quiet
	busy.Name, busy.Scope, busy.Network, busy.Address, busy.Log = "a\nb", "system", "tcp", "127.0.0.1:4040", ""
	busy.IdleTTL, busy.Leaving, busy.LastPanic = -1, "shut down by process 12", "2026-01-02T15:04:05Z Buy: no\nmoney"
	for i := range 5 {
		busy.Clients = append(busy.Clients, rt.ClientStatus{PID: 100 + i, Since: at, Calls: uint64(i)})
		busy.Queued = append(busy.Queued, rt.CallStatus{Method: "Buy", Mode: "exclusive", PID: 100 + i, Since: at, For: 65 * time.Second})
	}
	for i := range 4 {
		busy.Running = append(busy.Running, rt.CallStatus{Method: "List", Mode: "shared", PID: 100 + i, Since: at, For: 3210 * time.Millisecond})
	}
	busy.Waiting = 2000
	for _, test := range []struct {
		name   string
		status rt.Status
		want   string
	}{
		{"quiet", quiet, `process 4711 serves example.com/counter.Counter
name     "my counter"
scope    user
uptime   1h30m5s, since 2026-01-02T15:04:05Z
idle     leaves after 2s without clients, 1.2s left
address  unix /run/user/1000/loopgen/s-7f3a9c
log      /home/ann/.cache/loopgen/0f/my_counter-8d/log
clients  0, with 12 calls executed
running  0
queued   0`},
		{"busy", busy, `process 4711 serves example.com/counter.Counter
name     "a\nb"
scope    system
uptime   1h30m5s, since 2026-01-02T15:04:05Z
idle     stays without clients
address  tcp 127.0.0.1:4040
log      no file
leaving  shut down by process 12
panic    "2026-01-02T15:04:05Z Buy: no\nmoney"
clients  5, with 12 calls executed
  process 100 since 2026-01-02T15:04:05Z, calls: 0
  process 101 since 2026-01-02T15:04:05Z, calls: 1
  process 102 since 2026-01-02T15:04:05Z, calls: 2
  and 2 more
running  4
  List of process 100 since 2026-01-02T15:04:05Z (3.2s), shared
  List of process 101 since 2026-01-02T15:04:05Z (3.2s), shared
  List of process 102 since 2026-01-02T15:04:05Z (3.2s), shared
  List of process 103 since 2026-01-02T15:04:05Z (3.2s), shared
queued   2000
  Buy of process 100 since 2026-01-02T15:04:05Z (1m5s), exclusive
  Buy of process 101 since 2026-01-02T15:04:05Z (1m5s), exclusive
  Buy of process 102 since 2026-01-02T15:04:05Z (1m5s), exclusive
  and 1997 more`},
	} {
		got := fmt.Sprint(test.status)
		if got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
		if lines := strings.Count(got, "\n") + 1; lines > 25 {
			t.Errorf("%s: %d lines, want at most 25", test.name, lines)
		}
	}
}
