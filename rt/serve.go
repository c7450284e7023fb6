package rt

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// startRequest is what the client that starts a daemon tells it, over the
// start pipe.
type startRequest struct {
	// Paths and the user's own name need not be UTF-8, so they are bytes. Scope is
	// in full: see scopeOf.
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
	Transport     Transport
}

// open opens the directory.
func (req *startRequest) open() (*rundir.Dir, error) {
	if Scope(req.Scope) == ScopeSystem {
		return rundir.OpenService(string(req.Anchor), string(req.Name))
	}
	return rundir.Open(string(req.Anchor), string(req.Dir))
}

// startReport is the daemon's answer: it serves, or why not. That of a start which
// failed is also what the start file keeps for the clients that waited.
type startReport struct {
	Incarnation string // set when it serves
	Held        bool   // another daemon lives
	Stage       Stage
	Err         []byte // the error, encoded as a method's
	Panic       string // what the constructor panicked with
	Stack       string // and where
	ExitCode    int
	Late        bool   // it was not ready in time and was killed
	Unhooked    bool   // it did not call ServeIfDaemon
	Program     []byte // of Config.Command; empty: the client's own
	Log         string // empty if it is not UTF-8
	RawLog      []byte // in place of Log then
	LogTail     string
	Config      string // of the client that started it, in the start file

	killed *process.ExitError // not nil: a signal ended it before it reported. Not encoded
}

// Exit statuses of a daemon, besides 0.
const (
	exitFailed = 69 // EX_UNAVAILABLE of sysexits.h: it could not serve; the report says why
	exitForged = 70 // EX_SOFTWARE: the marker is there, but nobody who started it
)

// hooked is set once ServeIfDaemon was called in this process.
var hooked atomic.Bool

// serving is the singleton that this process is the daemon of; starting, that it
// does not serve yet.
var (
	serving  atomic.Pointer[hosted]
	starting atomic.Bool
)

// hosted says where a singleton of this process is found.
type hosted struct {
	path string // of its directory
	site site
}

// ServeIfDaemon serves and never returns in a process that was started as a
// daemon; in any other it returns at once. Make it the first line of main, and
// of TestMain: what stands before it is run by the daemon, too, as package
// initialisation is. Without it Connect returns ErrHookMissing, and ends a process
// that was started as a daemon.
//
// A service of a package generated with loopgen -hook init is served before main
// begins, and does not need the call.
func ServeIfDaemon() {
	stub.CloseRegistry()
	hooked.Store(true)
	parent := startedAsDaemon()
	if parent == nil {
		return
	}
	starting.Store(true)
	os.Exit(serve(parent))
}

// startedAsDaemon returns the process that started this one as a daemon, or nil. It
// ends a process that has the marker of a daemon and no such parent.
func startedAsDaemon() *process.Parent {
	parent, err := process.Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, "loopgen:", err)
		os.Exit(exitForged)
	}
	return parent
}

// serve is the life of a daemon that a client has started, from the lifetime lock
// to the exit status.
func serve(parent *process.Parent) int {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("pid", os.Getpid())
	req, svc, err := readRequest(parent)
	if err != nil {
		return refuse(parent, log, nil, StageSpawn, err)
	}
	dir, err := req.open()
	if err != nil {
		return refuse(parent, log, svc, StageDirectory, err)
	}
	if rundir.Privileged() {
		req.Log = []byte(dir.LogPath()) // the pipes may come from the user who runs this program
	}
	h, stage, err := newHost(req, svc, dir, log)
	if stage == StageDirectory && errors.Is(err, rundir.ErrHeld) { // not for a constructor's error, whatever its Is method says
		parent.Report(encodeReport(startReport{Held: true}))
		return 0
	} else if err != nil {
		return refuse(parent, log, svc, stage, err)
	}
	if stage, err := h.publish(); err != nil {
		code := refuse(parent, log, svc, stage, err)
		h.abandon()
		return code
	}
	starting.Store(false)
	if err := parent.Report(encodeReport(startReport{Incarnation: h.d.endpoint.Load().Incarnation})); err != nil {
		log.Warn("whoever started this daemon is gone", "err", err) // others may come
	}
	h.run(context.Background())
	return 0
}

func readRequest(parent *process.Parent) (startRequest, *stub.Service, error) {
	var req startRequest
	payload, err := parent.Payload()
	if err != nil {
		return req, nil, err
	}
	if err := wire.Unmarshal(payload, &req); err != nil {
		return req, nil, fmt.Errorf("decode the start request: %w", err)
	}
	svc, err := req.service(parent.Build())
	return req, svc, err
}

// newEndpoint describes a new life of the object: a name and a key of its own.
func newEndpoint(req startRequest, svc *stub.Service) (*rundir.Endpoint, error) {
	build, err := process.Build()
	if err != nil {
		return nil, err
	}
	var incarnation [8]byte
	rand.Read(incarnation[:]) // never fails
	e := &rundir.Endpoint{
		Incarnation: hex.EncodeToString(incarnation[:]),
		PID:         os.Getpid(),
		Host:        rundir.HostID(),
		Boot:        rundir.BootID(),
		MinProtocol: int(wire.MinVersion),
		MaxProtocol: int(wire.MaxVersion),
		Build:       build,
		Version:     req.Version,
		Config:      req.Config,
		Constructor: svc.Constructor,
		Service:     svc.Name,
		Types:       structure(svc),
		Name:        string(req.Name),
		Scope:       string(req.Scope),
		Log:         string(req.Log),
	}
	rand.Read(e.Key[:])
	for i, m := range svc.Methods {
		signature := svc.Signature(i)
		e.Methods = append(e.Methods, rundir.MethodLine{
			Number: i, Name: m.Name, Hash: wire.SignatureHash(signature), Signature: signature,
		})
	}
	for _, part := range req.Parts {
		e.Arguments = append(e.Arguments, rundir.ArgumentLine(part))
	}
	for _, h := range svc.Held() {
		e.Held = append(e.Held, rundir.HeldLine(h))
	}
	return e, nil
}

// structure is what clients compare the type arguments of an instance by, besides
// their names: the text, or its hash where it is too long for the endpoint.
func structure(svc *stub.Service) string {
	text := svc.Structure()
	if len(text) > 8<<10 {
		return wire.SignatureHash(text)
	}
	return text
}

// construct makes the object. A constructor that does not return in time is
// left behind: the process exits.
func (d *daemon) construct(req startRequest) error {
	// The constructor gets a copy: with LOOPGEN_MODE=inprocess the next object is
	// made of the same bytes.
	args, err := stub.NewDecoder(d.svc, bytes.Clone(req.Args))
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { // ends with the constructor, or with the process
		failed <- d.callConstructor(args)
	}()
	select {
	case err := <-failed:
		return err
	case <-time.After(req.StartTimeout):
		return fmt.Errorf("the constructor did not return within %v (Config.StartTimeout): %w", req.StartTimeout, context.DeadlineExceeded)
	}
}

func (d *daemon) callConstructor(args *stub.Decoder) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover()
		p := &PanicError{Value: usercode.Text(value), Stack: string(debug.Stack())}
		if value == nil {
			p.Value = "the constructor called runtime.Goexit"
		}
		err = p
	}()
	d.object, err = d.svc.New(d.ctx, args)
	if _, ok := err.(*stub.DecodeError); ok {
		err = unknownInDaemon(decodeError("argument", err), d.endpoint.Load())
	}
	returned = true
	if err == nil && isNil(d.object) {
		err = fmt.Errorf("%s returned nil without an error", cut.Name(d.svc.Constructor))
	}
	return err
}

func isNil(object any) bool {
	v := reflect.ValueOf(object)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// refuse reports that this process does not become the daemon.
func refuse(parent *process.Parent, log *slog.Logger, svc *stub.Service, stage Stage, err error) int {
	report := startReport{Stage: stage}
	if p, ok := err.(*PanicError); ok {
		report.Panic, report.Stack = p.Value, p.Stack
	}
	log.Error("cannot serve", "stage", stage, "err", usercode.Text(err), "stack", report.Stack)
	report.Err = encodeCause(svc, err)
	parent.Report(encodeReport(report))
	return exitFailed
}
