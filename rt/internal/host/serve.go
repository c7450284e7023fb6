package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/loopgen/loopgen/rt/internal/daemon"
	"github.com/loopgen/loopgen/rt/internal/process"
	"github.com/loopgen/loopgen/rt/internal/rundir"
	"github.com/loopgen/loopgen/rt/internal/self"
	"github.com/loopgen/loopgen/rt/internal/start"
	"github.com/loopgen/loopgen/rt/internal/usercode"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/stub"
)

// Exit statuses of a daemon, besides 0.
const (
	exitFailed = 69 // EX_UNAVAILABLE of sysexits.h: it could not serve; the report says why
	ExitForged = 70 // EX_SOFTWARE: the marker is set, but the pipes of a parent are missing
)

// Serve runs the daemon that a client has started, from acquiring the lifetime lock to the
// exit status, which it returns. It reports to the parent whether the daemon serves, or why
// not. It must be called once in a process.
func Serve(parent *process.Parent) int {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("pid", os.Getpid())
	req, svc, err := readRequest(parent)
	if err != nil {
		return reportFailure(parent, log, nil, start.StageSpawn, err)
	}
	dir, err := req.Open()
	if err != nil {
		return reportFailure(parent, log, svc, start.StageDirectory, err)
	}
	if rundir.Privileged() {
		req.Log = []byte(dir.LogPath()) // the pipes may come from the user who runs this program
	}
	h, stage, err := New(req, svc, dir, log)
	if stage == start.StageDirectory && errors.Is(err, rundir.ErrHeld) { // not for a constructor's error, whose Is method may claim anything
		parent.Report(start.Encode(start.Report{Held: true}))
		return 0
	} else if err != nil {
		return reportFailure(parent, log, svc, stage, err)
	}
	if stage, err := h.Publish(); err != nil {
		code := reportFailure(parent, log, svc, stage, err)
		h.Close()
		return code
	}
	self.Starting.Store(false)
	if err := parent.Report(start.Encode(start.Report{Incarnation: h.endpoint.Incarnation})); err != nil {
		log.Warn("the client that started this daemon is gone", "err", err) // other clients may connect
	}
	h.Run(context.Background())
	return 0
}

func readRequest(parent *process.Parent) (start.Request, *stub.Service, error) {
	var req start.Request
	payload, err := parent.Payload()
	if err != nil {
		return req, nil, err
	}
	if err := wire.Unmarshal(payload, &req); err != nil {
		return req, nil, fmt.Errorf("decode the start request: %w", err)
	}
	svc, err := serviceOf(&req, parent.Build())
	return req, svc, err
}

// NewEndpoint returns the endpoint of a daemon of this process, with a new incarnation and
// a new key. Address, Directory and Program are not set. It fails if the program's file
// cannot be examined. It may be called concurrently.
func NewEndpoint(req start.Request, svc *stub.Service) (*rundir.Endpoint, error) {
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
		Types:       start.Structure(svc),
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

// reportFailure logs and reports why this process does not become the daemon, and returns
// its exit status.
func reportFailure(parent *process.Parent, log *slog.Logger, svc *stub.Service, stage string, err error) int {
	report := start.Report{Stage: stage}
	if p, ok := err.(*daemon.ConstructorPanic); ok {
		report.Panic, report.Stack = p.Value, p.Stack
	}
	log.Error("cannot serve", "stage", stage, "err", usercode.Text(err), "stack", report.Stack)
	report.Err = start.EncodeCause(svc, err)
	parent.Report(start.Encode(report))
	return exitFailed
}

// Requested reports whether Serve must be called for s: the start request names s, or
// cannot be read. Serve reports an unreadable request and the process exits, because main
// must not run as if the user had started it.
func Requested(parent *process.Parent, s *stub.Service) bool {
	payload, err := parent.Peek()
	if err != nil {
		return true
	}
	var req start.Request
	return wire.Unmarshal(payload, &req) != nil || req.Service == s.Name
}
