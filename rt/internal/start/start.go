// Package start has the messages with which a client starts a daemon: the request, which
// the client writes to the start pipe, and the report, with which the daemon answers. It
// may encode and decode, and touches no process, socket or file, except that Request.Open
// opens the directory that the request names. Client and daemon process share these
// messages, the endpoint file and the wire, and nothing else.
package start

import (
	"time"

	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/value"
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

// Request is what the client that starts a daemon sends to it over the start pipe.
type Request struct {
	// Paths and the user's own name need not be UTF-8, so they are bytes. Scope is
	// in full: "session:" and "project:" are followed by the session or the root.
	// Anchor is the base directory, under the key that it has on the wire.
	Anchor, Dir, Name, Scope, Log []byte
	Program                       []byte // of Config.Command; empty: the client's own

	Service       string
	Constructor   string
	Args          []byte
	Config        string
	Parts         []value.ConfigPart
	Version       int
	IdleTTL       time.Duration
	OrphanTimeout time.Duration
	StartTimeout  time.Duration
	Transport     string
}

// Open opens the directory of the singleton. It fails as rundir.Open and
// rundir.OpenService do, and may be called concurrently.
func (req *Request) Open() (*rundir.Dir, error) {
	if string(req.Scope) == ScopeSystem {
		return rundir.OpenService(string(req.Anchor), string(req.Name))
	}
	return rundir.Open(string(req.Anchor), string(req.Dir))
}

// Report is the daemon's answer: it serves, or the reason why not. The start file keeps the
// report of a failed start for the clients that waited meanwhile.
type Report struct {
	Incarnation    string // set when the daemon serves
	Held           bool   // another daemon holds the lifetime lock
	Stage          string
	Err            []byte // the error, encoded as that of a method
	Panic          string // the value of the constructor's panic
	Stack          string // of that panic
	ExitCode       int
	Late           bool   // the daemon was not ready in time and was killed
	ServeNotCalled bool   `cbor:"Unhooked"` // the program did not call ServeIfDaemon
	Program        []byte // of Config.Command; empty: the client's own
	Log            string // empty if it is not UTF-8
	RawLog         []byte // the log's path if it is not UTF-8
	LogTail        string
	Config         string // of the client that started the daemon; only in the start file
}
