package daemon

import (
	"slices"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/stats"
)

// status returns the daemon's answer to a status request.
func (d *Daemon) status() Status {
	e := d.identity.Load()
	s := Status{
		PID: e.PID, Incarnation: e.Incarnation, Service: e.Service, Name: cut.Printable(e.Name), Scope: cut.Printable(e.Scope),
		Executable: cut.Printable(e.Executable), Build: e.Build, Version: e.Version, Config: e.Config, Network: e.Network,
		Address: cut.Printable(e.Address), Log: cut.Printable(e.Log), IdleTTL: d.idleTTL, IdleLeft: d.idleTTL, OrphanTimeout: d.orphans.timeout,
		Started: d.started, Uptime: time.Since(d.started),
	}
	if d.options.Inherited != nil {
		s.Nice, s.Limits, s.Env = d.options.Inherited()
	}
	for i := range d.svc.Methods {
		m := &d.svc.Methods[i]
		s.Methods = append(s.Methods, MethodStatus{Name: m.Name, Mode: m.Mode.String(), Signature: d.svc.Signature(i), Params: strings.Fields(m.Params), Doc: cut.Printable(m.Doc), Numbers: d.stats.Totals(i)})
	}
	s.Parts, s.Types = d.partLines(), d.svc.Types()
	s.Starts, s.RefusedConnections = d.stats.Connections()
	d.turn.visit(func(tk *ticket) {
		if !tk.hasTurn {
			s.Waiting++
		}
		if len(s.Running)+len(s.Queued) >= d.limits.listed {
			return
		}
		call := CallStatus{Method: tk.method, Mode: tk.mode.String(), PID: tk.pid, Since: tk.since, For: time.Since(tk.since)}
		if tk.hasTurn {
			s.Running = append(s.Running, call)
		} else {
			s.Queued = append(s.Queued, call)
		}
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Calls, s.Leaving, s.LastPanic = d.stats.Executed(), cut.Printable(d.progress()), cut.Printable(d.lastPanic)
	var clients []*serverConn
	for other := range d.conns {
		if other.client {
			clients = append(clients, other)
		}
	}
	slices.SortFunc(clients, func(a, b *serverConn) int { return a.since.Compare(b.since) })
	for _, c := range clients {
		s.Clients = append(s.Clients, ClientStatus{PID: c.pid, Since: c.since, Calls: c.made.Load()})
	}
	if d.idle != nil && !d.inUse() {
		s.IdleLeft = max(time.Until(d.idleAt), 0)
	}
	return s
}

// Status is the daemon's answer to a status request. Clients decode it into
// rt.Status, which lacks Build and Config: their users can do nothing with them.
type Status struct {
	PID           int           // of the daemon's process
	Incarnation   string        // identifies this object among all objects of the singleton
	Service       string        // the import path and name of the type
	Name          string        // of the singleton
	Scope         string        // of the singleton; in ScopeSession and ScopeProject followed by a colon and the session or the root
	Executable    string        // the daemon's program
	Build         string        // identifies that program's file: device, inode, time, size
	Version       int           // Config.Version of the client that started it
	Config        string        // hash of service, constructor and arguments
	Network       string        // "unix" or "tcp"
	Address       string        // on which the daemon listens
	Log           string        // the path of the log; empty for ScopeSystem
	Started       time.Time     // when the object was made
	Uptime        time.Duration // since then, by the monotonic clock
	IdleTTL       time.Duration // in force; negative: no limit
	IdleLeft      time.Duration // until the daemon shuts down unless a client connects; IdleTTL while the object is in use; negative: no limit
	OrphanTimeout time.Duration // Config.OrphanTimeout in force; negative: no limit
	Leaving       string        // why the daemon shuts down, and what it waits for; empty: it does not
	Clients       []ClientStatus
	Calls         uint64       // number of calls executed
	Running       []CallStatus // in order of their start; at most 1000 together with Queued
	Queued        []CallStatus // in order of arrival
	Waiting       int          // number of calls in the queue
	LastPanic     string       // of a method: time, method and value; the stack is in the log
	Methods       []MethodStatus
	Types         map[string]string `cbor:",omitempty"` // see value.Facts
	Nice          int               // scheduling priority of the process
	Limits        map[string]string // resource limits that the process inherited: "soft:hard" by name
	Env           []string          // names of the process's environment variables
	Parts         []string          `cbor:",omitempty"` // a line of each part that has one

	Starts             map[string]uint64 `cbor:",omitempty"` // of the singleton's daemons, by result
	RefusedConnections map[string]uint64 `cbor:",omitempty"` // by reason
}

// ClientStatus is a connection of a client.
type ClientStatus struct {
	PID   int
	Since time.Time
	Calls uint64 // number of calls accepted from it
}

// CallStatus is a call that runs, or waits in the queue.
type CallStatus struct {
	Method string
	Mode   string        // exclusive, shared or concurrent
	PID    int           // of the caller
	Since  time.Time     // when the call began to run, or to wait
	For    time.Duration // since then, by the monotonic clock
}

// MethodStatus is a method of the daemon's program.
type MethodStatus struct {
	Name      string
	Mode      string
	Signature string
	Params    []string `cbor:",omitempty"` // the names, contexts excluded
	Doc       string   `cbor:",omitempty"` // the first sentence of the comment

	stats.Numbers // the fields are those of the map of the method
}
