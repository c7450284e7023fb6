package rt

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// Status describes a daemon at the time of the request. Its String method returns a
// summary.
type Status struct {
	PID           int           // the daemon's process
	Incarnation   string        // identifies the object; each new object has another
	Service       string        // the import path and name of the type
	Name          string        // Config.Name in force
	Scope         string        // the scope; for ScopeSession and ScopeProject with a colon and the session or the project's root
	Executable    string        // the program from which the daemon was started
	Version       int           // Config.Version of the client that started the daemon
	Network       string        // "unix" or "tcp"
	Address       string        // the address on which the daemon listens
	Log           string        // path of the log; empty for ScopeSystem
	Started       time.Time     // when the object was made
	Uptime        time.Duration // time since Started, by the monotonic clock
	IdleTTL       time.Duration // Config.IdleTTL in force; negative: the daemon never exits as idle
	IdleLeft      time.Duration // time until the idle exit if no client connects; IdleTTL while clients are connected; negative: never
	OrphanTimeout time.Duration // Config.OrphanTimeout in force; negative: no limit
	Leaving       string        // why the daemon shuts down, and what it waits for; empty if it does not shut down
	Clients       []ClientStatus
	Calls         uint64       // number of calls executed
	Running       []CallStatus // the running calls
	Queued        []CallStatus // the waiting calls, in order; Running and Queued have at most 1000 entries together
	Waiting       int          // number of waiting calls, including those not in Queued
	LastPanic     string       // the last panic of a method: time, method and value; the log has its stack
	Methods       []MethodStatus
	Types         map[string]string `json:",omitempty"` // what signatures do not say about types: "text" or "bytes" for one that makes its own encoding, "optional" or "omitempty" for a field that may be absent, the structure of one for interfaces
	Nice          int               // scheduling priority of the process
	Limits        map[string]string // inherited resource limits by name, as "soft:hard"
	Env           []string          // names of the daemon's environment variables, without values

	Starts             map[string]uint64 `json:",omitempty"` // starts of the singleton's daemons by result, "ok" or "failed"; none if the daemon is of an older build
	RefusedConnections map[string]uint64 `json:",omitempty"` // connections that the singleton's daemons did not admit as clients, by reason, as "not allowed"
}

// ClientStatus describes the connection of a client.
type ClientStatus struct {
	PID   int
	Since time.Time
	Calls uint64 // number of calls that the client made
}

// CallStatus describes a running or waiting call.
type CallStatus struct {
	Method string
	Mode   string // "exclusive", "shared" or "concurrent"
	PID    int    // the caller's process
	Since  time.Time
	For    time.Duration // time since Since, by the monotonic clock
}

// MethodStatus describes a method of the daemon's version of the type.
type MethodStatus struct {
	Name      string
	Mode      string
	Signature string
	Params    []string `json:",omitempty"` // names of the parameters in Signature; none if the daemon's program does not have them
	Doc       string   `json:",omitempty"` // the first sentence of the method's comment

	// The numbers of the singleton's calls of the method. They outlast the daemon, except
	// for those of the last minute before its process is killed.

	Calls     uint64            `json:",omitempty"` // executed calls
	Errors    uint64            `json:",omitempty"` // executed calls that returned an error
	Failed    map[string]uint64 `json:",omitempty"` // executed calls without results, by reason, as "panic"
	Refused   map[string]uint64 `json:",omitempty"` // calls that were not executed, by reason, as "canceled"
	Received  uint64            `json:",omitempty"` // bytes of the arguments of executed calls
	Sent      uint64            `json:",omitempty"` // bytes of their results
	Ran       time.Duration     `json:",omitempty"` // sum of the run times
	Waited    time.Duration     `json:",omitempty"` // sum of the times from the arrival of the call until the method began
	RunTimes  []uint64          `json:",omitempty"` // executed calls by run time: element i counts those of at most 2^i µs that no earlier element counts, element 23 all others; zeros at the end are left out
	WaitTimes []uint64          `json:",omitempty"` // executed calls by the time that they waited, likewise
}

// statusListed is the number of lines of each list in Status.String. With three lists
// the summary has at most 24 lines.
const statusListed = 4

// String returns a summary of at most 25 lines for people: the process, the singleton,
// the address, the log, the clients and the calls. A longer list ends in "and N more";
// the fields have the rest. It may be called concurrently.
func (s Status) String() string {
	var b strings.Builder
	line := func(key, format string, args ...any) {
		fmt.Fprintf(&b, "%-8s %s\n", key, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "process %d serves %s\n", s.PID, onOneLine(cut.Name(s.Service)))
	line("name", "%q", cut.Name(s.Name))
	line("scope", "%s", onOneLine(s.Scope))
	line("uptime", "%v, since %s", cut.Duration(s.Uptime), moment(s.Started))
	line("idle", "%s", s.idleText())
	line("address", "%s %s", onOneLine(s.Network), onOneLine(s.Address))
	line("log", "%s", onOneLine(cmp.Or(s.Log, "no file")))
	if s.Leaving != "" {
		line("leaving", "%s", onOneLine(s.Leaving))
	}
	if s.LastPanic != "" {
		line("panic", "%s", onOneLine(s.LastPanic))
	}
	line("clients", "%d, with %d calls executed", len(s.Clients), s.Calls)
	list(&b, len(s.Clients), len(s.Clients), func(i int) string {
		c := s.Clients[i]
		return fmt.Sprintf("process %d since %s, calls: %d", c.PID, moment(c.Since), c.Calls)
	})
	line("running", "%d", len(s.Running))
	list(&b, len(s.Running), len(s.Running), func(i int) string { return s.Running[i].text() })
	queued := max(s.Waiting, len(s.Queued)) // the list may be incomplete
	line("queued", "%d", queued)
	list(&b, len(s.Queued), queued, func(i int) string { return s.Queued[i].text() })
	return strings.TrimSuffix(b.String(), "\n")
}

// idleText says when the daemon exits if it has no clients.
func (s Status) idleText() string {
	if s.IdleTTL < 0 {
		return "stays without clients"
	}
	return fmt.Sprintf("leaves after %v without clients, %v left", cut.Duration(s.IdleTTL), cut.Duration(s.IdleLeft))
}

func (c CallStatus) text() string {
	return fmt.Sprintf("%s of process %d since %s (%v), %s", onOneLine(cut.Name(c.Method)), c.PID, moment(c.Since), cut.Duration(c.For), onOneLine(c.Mode))
}

// list writes one line per entry, at most statusListed lines. Of total entries only the
// first listed are known.
func list(b *strings.Builder, listed, total int, entry func(i int) string) {
	shown := min(listed, statusListed)
	if shown < total {
		shown = min(listed, statusListed-1)
	}
	for i := range shown {
		fmt.Fprintf(b, "  %s\n", entry(i))
	}
	if more := total - shown; more > 0 {
		fmt.Fprintf(b, "  and %d more\n", more)
	}
}

func moment(t time.Time) string { return t.Format(time.RFC3339) }

// onOneLine returns s, quoted if it contains a character that is not printable.
func onOneLine(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
