// Package start has the messages with which a client starts a daemon: the request, which
// goes down the start pipe, and the report, which comes back. It starts nothing.
package start

import (
	"time"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/stub"
)

// ScopeSystem is the scope whose daemon a service manager starts.
const ScopeSystem = "system"

// The stages of a start that fail in the daemon.
const (
	StageDirectory   = "directory"
	StageSpawn       = "spawn"
	StageConstructor = "constructor"
	StageListen      = "listen"
	StagePublish     = "publish"
)

// Request is what the client that starts a daemon tells it, over the
// start pipe.
type Request struct {
	// Paths and the user's own name need not be UTF-8, so they are bytes. Scope is
	// in full: "session:" and "project:" are followed by the session or the root.
	Anchor, Dir, Name, Scope, Log []byte
	Program                       []byte // of Config.Command; empty: the client's own

	Service       string
	Constructor   string
	Args          []byte
	Config        string
	Parts         []stub.ConfigPart
	Version       int
	IdleTTL       time.Duration
	OrphanTimeout time.Duration
	StartTimeout  time.Duration
	Transport     string
}

// Open opens the directory.
func (req *Request) Open() (*rundir.Dir, error) {
	if string(req.Scope) == ScopeSystem {
		return rundir.OpenService(string(req.Anchor), string(req.Name))
	}
	return rundir.Open(string(req.Anchor), string(req.Dir))
}

// Report is the daemon's answer: it serves, or why not. That of a start which
// failed is also what the start file keeps for the clients that waited.
type Report struct {
	Incarnation    string // set when it serves
	Held           bool   // another daemon lives
	Stage          string
	Err            []byte // the error, encoded as a method's
	Panic          string // what the constructor panicked with
	Stack          string // and where
	ExitCode       int
	Late           bool   // it was not ready in time and was killed
	ServeNotCalled bool   `cbor:"Unhooked"` // it did not call ServeIfDaemon
	Program        []byte // of Config.Command; empty: the client's own
	Log            string // empty if it is not UTF-8
	RawLog         []byte // in place of Log then
	LogTail        string
	Config         string // of the client that started it, in the start file
}
