package rt

import (
	"time"
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
