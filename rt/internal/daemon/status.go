package daemon

import (
	"slices"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// status is the daemon's answer.
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
		s.Methods = append(s.Methods, MethodStatus{Name: m.Name, Mode: m.Mode.String(), Signature: d.svc.Signature(i)})
	}
	d.turn.visit(func(tk *ticket) {
		if !tk.hasTurn {
			s.Waiting++
		}
		if len(s.Running)+len(s.Queued) >= d.limits.listed {
			return
		}
		call := CallStatus{Method: tk.method, Mode: tk.mode.String(), PID: tk.caller.PID, Since: tk.since, For: time.Since(tk.since)}
		if tk.hasTurn {
			s.Running = append(s.Running, call)
		} else {
			s.Queued = append(s.Queued, call)
		}
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Calls, s.Leaving, s.LastPanic = d.executed.Load(), cut.Printable(d.progress()), cut.Printable(d.lastPanic)
	for other := range d.conns {
		if other.client {
			s.Clients = append(s.Clients, ClientStatus{PID: other.pid, Since: other.since, Calls: other.made.Load()})
		}
	}
	slices.SortFunc(s.Clients, func(a, b ClientStatus) int { return a.Since.Compare(b.Since) })
	if d.idle != nil && !d.inUse() {
		s.IdleLeft = max(time.Until(d.idleAt), 0)
	}
	return s
}

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
