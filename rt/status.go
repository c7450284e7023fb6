package rt

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// Status is what a daemon says about itself. String makes a summary of it.
type Status struct {
	PID           int           // its process
	Incarnation   string        // this life of the object
	Service       string        // the import path and name of the type
	Name          string        // the singleton's name
	Scope         string        // its scope; for ScopeSession and ScopeProject with the session or the root behind a colon
	Executable    string        // the program it was started from
	Build         string        // identifies that program's file: device, inode, time, size
	Version       int           // Config.Version of the client that started it
	Config        string        // hash of service, constructor and arguments
	Network       string        // "unix" or "tcp"
	Address       string        // where it listens
	Log           string        // the path of its log; empty for ScopeSystem
	Started       time.Time     // when the object was made
	Uptime        time.Duration // since then, by the monotonic clock
	IdleTTL       time.Duration // in force; negative: never leaves
	IdleLeft      time.Duration // until it leaves if nobody comes: all of IdleTTL while it has clients; negative: never
	OrphanTimeout time.Duration // Config.OrphanTimeout in force; negative: it waits for such calls without bound
	Leaving       string        // why it is leaving, and what it waits for; empty when it is not
	Clients       []ClientStatus
	Calls         uint64       // calls that were executed
	Running       []CallStatus // who runs what since when
	Queued        []CallStatus // in order; of both at most 1000 in all
	Waiting       int          // how many calls are queued
	LastPanic     string       // of a method: time, method and value; the stack is in the log
	Methods       []MethodStatus
	Nice          int               // its scheduling priority
	Limits        map[string]string // the resource limits it inherited: "soft:hard" by name
	Env           []string          // the names of its environment variables
}

// ClientStatus is a connection of a client.
type ClientStatus struct {
	PID   int
	Since time.Time
	Calls uint64 // that it made
}

// CallStatus is a call that runs or waits.
type CallStatus struct {
	Method string
	Mode   string // exclusive, shared or concurrent
	PID    int    // of the caller
	Since  time.Time
	For    time.Duration // since then, by the monotonic clock
}

// MethodStatus is a method as the daemon has it.
type MethodStatus struct {
	Name      string
	Mode      string
	Signature string
}

// statusListed is how many lines each list of Status.String has. With three lists
// and all else there are 24 lines at most.
const statusListed = 4

// String describes the daemon for people, in at most 25 lines: its process, its
// singleton, its address and log, and who uses it since when. Long lists end in
// "and N more"; the fields have the rest. It may be called concurrently.
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
	queued := max(s.Waiting, len(s.Queued)) // of which not all may be in the list
	line("queued", "%d", queued)
	list(&b, len(s.Queued), queued, func(i int) string { return s.Queued[i].text() })
	return strings.TrimSuffix(b.String(), "\n")
}

// idleText says when the daemon leaves for want of clients.
func (s Status) idleText() string {
	if s.IdleTTL < 0 {
		return "stays without clients"
	}
	return fmt.Sprintf("leaves after %v without clients, %v left", cut.Duration(s.IdleTTL), cut.Duration(s.IdleLeft))
}

func (c CallStatus) text() string {
	return fmt.Sprintf("%s of process %d since %s (%v), %s", onOneLine(cut.Name(c.Method)), c.PID, moment(c.Since), cut.Duration(c.For), onOneLine(c.Mode))
}

// list writes the first of total entries, of which listed are known, one to a line.
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

// onOneLine quotes what is not printable on one line as it is.
func onOneLine(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
