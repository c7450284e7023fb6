package check

import (
	"go/token"
	"go/types"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// A method waits if something outside of its call decides when it goes on: another
// call that sends to a channel, a clock, a client that connects. The search reads its
// body and the bodies of the functions that it calls, see operations.go.

// The search for a place that waits ends with these. A method that waits does so in one
// of the first functions that it calls.
const (
	maxWaitingDepth  = 12
	maxWaitingBodies = 400 // of one generation
)

// waiters judges methods that may wait, and sessions.
type waiters struct{ *Service }

// waits returns why m may wait, or "". The name of the method
// counts if its body waits for a moment, or if not all that it calls is at hand.
func (s waiters) waits(m *Method) string {
	w := newSearch(s.Src, m.fn)
	if w.found != nil {
		return "it " + w.found.String()
	}
	switch {
	case !blocks(m.Name) || m.returnsAtOnce():
		return ""
	case w.once != nil:
		return "it " + w.once.String()
	case w.unknown != "":
		return "by its name, since " + w.unknown
	}
	return ""
}

// String completes "it ": "receives from a channel in Queue.next (queue.go:31)".
func (f *finding) String() string { return f.what + f.in + " (" + f.place + ")" }

// finding is an operation that waits, found.
type finding struct{ what, in, place string }

// search looks through the calls of one method, the closest first.
type search struct {
	src     *Source
	root    *types.Func
	seen    map[step]bool
	next    []step
	found   *finding
	once    *finding // a place that waits for a clock, or for a client, but once
	unknown string   // completes "it ": why the search is not complete, or ""
}

// step is a function to be looked at.
type step struct {
	body *load.Body
	loop bool // it is called in a loop
	// hands is set if an argument is a channel that is not confined to its caller.
	hands bool
}

func newSearch(src *Source, fn *types.Func) *search {
	w := &search{src: src, root: fn, seen: make(map[step]bool)}
	if what := waitingFunctions[fn.FullName()]; what != "" {
		w.found = &finding{what: what, place: src.site(fn.Pkg(), fn.Pos())}
		return w
	}
	b := src.Bodies.Of(fn)
	if b == nil {
		w.unknown = "its source is not at hand"
		return w
	}
	w.next = []step{{body: b}}
	for depth := 0; len(w.next) > 0 && w.found == nil; depth++ {
		if depth == maxWaitingDepth {
			w.undecided("it calls more functions than were looked at")
			break
		}
		level := w.next
		w.next = nil
		for _, s := range level {
			if w.found != nil {
				break
			}
			w.look(s)
		}
	}
	return w
}

func (w *search) undecided(why string) {
	if w.unknown == "" {
		w.unknown = why
	}
}

func (w *search) look(s step) {
	if w.seen[s] {
		return
	}
	w.seen[s] = true
	ops := w.operations(s.body)
	if ops == nil {
		w.undecided("it calls more functions than were looked at")
		return
	}
	root := len(w.seen) == 1
	for _, op := range ops.list {
		counts := op.kind == waitsAlways || op.kind == waitsAsGiven && s.hands || op.kind == waitsInLoop && (s.loop || op.loop) ||
			op.kind == leavesLocked && (root || acquires(w.root.Name()))
		if !counts {
			if op.kind == waitsInLoop && w.once == nil {
				w.once = w.find(s, op, root)
			}
			continue
		}
		w.found = w.find(s, op, root)
		return
	}
	for _, call := range ops.calls {
		w.follow(s, call)
	}
}

func (w *search) find(s step, op operation, root bool) *finding {
	f := &finding{what: op.what, place: w.src.site(s.body.Pkg, op.pos)}
	if op.kind == waitsInLoop && (s.loop || op.loop) {
		f.what += " in a loop"
	}
	if !root {
		f.in = " in " + w.functionName(s)
	}
	return f
}

// follow notes the function that is called, unless its package never waits.
func (w *search) follow(from step, call bodyCall) {
	loop := from.loop || call.loop
	b := call.body
	if b == nil && call.fn != nil {
		if !w.isFollowed(call.fn.Pkg()) || waitsForNothing(call.fn) {
			return
		}
		b = w.src.Bodies.Of(call.fn)
	}
	switch {
	case b != nil:
		w.next = append(w.next, step{body: b, loop: loop, hands: call.hands || call.passes && from.hands})
	case call.name != "":
		w.undecided("it calls " + call.name + " (" + w.src.site(from.body.Pkg, call.pos) + "), whose source is not at hand")
	}
}

// isFollowed reports whether functions of p may wait: of the standard library, those of
// a few packages do.
func (w *search) isFollowed(p *types.Package) bool {
	return p == nil || p == w.root.Pkg() && p.Path() != "runtime" || !w.src.Imports.Standard(p.Path()) || isWaitingPackage(p.Path())
}

func isWaitingPackage(path string) bool {
	for _, prefix := range []string{"context", "database/sql", "internal/poll", "io", "net", "os", "syscall", "testing"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// waitsForNothing recognises the functions of followed packages that do not wait,
// although they call functions in their arguments.
func waitsForNothing(fn *types.Func) bool {
	recv := fn.Signature().Recv()
	if recv == nil || !types.IsInterface(recv.Type()) {
		return fn.Pkg() != nil && fn.Pkg().Path() == "context"
	}
	if fn.Pkg() == nil {
		return true // Error
	}
	switch fn.Pkg().Path() {
	case "cmp", "container/heap", "context", "encoding", "fmt", "hash", "reflect", "sort", "sync":
		return true
	}
	return false
}

// waitingFunctions describes how functions of the standard library and its kin wait. The
// source of some of them does not show it. The text completes "it ".
var waitingFunctions = map[string]string{
	"(*sync.Cond).Wait":                               "waits for a sync.Cond",
	"(*sync.WaitGroup).Wait":                          "waits for a sync.WaitGroup",
	"(*golang.org/x/sync/errgroup.Group).Wait":        "waits for an errgroup.Group",
	"(*golang.org/x/sync/semaphore.Weighted).Acquire": "acquires a semaphore.Weighted",
	// Methods by themselves: calls are judged in pairs.
	"(*sync.Mutex).Lock":    "locks a sync.Mutex",
	"(*sync.RWMutex).Lock":  "locks a sync.RWMutex",
	"(*sync.RWMutex).RLock": "locks a sync.RWMutex",
}

// operations returns the operations of a body, or nil after maxWaitingBodies.
func (w *search) operations(b *load.Body) *operations {
	src := w.src
	if ops, known := src.operated[b.Decl]; known {
		return ops
	}
	if len(src.operated) >= maxWaitingBodies {
		return nil
	}
	ops := newOperations(src, b)
	src.operated[b.Decl] = ops
	return ops
}

// site returns the file and line of a position in package p. For the standard library it
// leaves out the line, which differs between versions of Go.
func (src *Source) site(p *types.Package, pos token.Pos) string {
	at := src.Fset.Position(pos)
	name := filepath.Base(at.Filename)
	switch {
	case p == src.Types || p == nil:
		return name + ":" + strconv.Itoa(at.Line)
	case src.Imports.Standard(p.Path()):
		return p.Path() + "/" + name
	}
	return p.Path() + "/" + name + ":" + strconv.Itoa(at.Line)
}

// functionName returns the name by which a reader finds the function: "Queue.next",
// "http.Server.Serve".
func (w *search) functionName(s step) string {
	if s.body.Pkg != w.src.Types {
		return s.body.Pkg.Name() + "." + s.body.Name()
	}
	return s.body.Name()
}

// waitingImports are the packages by whose types waiting is recognised in bodies.
var waitingImports = []string{"context", "golang.org/x/sync/errgroup", "golang.org/x/sync/semaphore", "sync", "time"}

// warnOfWaiting reports methods that may wait in a mode in which that does harm.
func (s waiters) warnOfWaiting(r *Reporter) {
	for _, m := range s.Methods {
		if m.Detach || m.exclusive || m.End != "" {
			continue
		}
		partner := s.partner(m)
		alone := m.Context < 0 && len(m.Results) > 0 && !m.Idempotent
		if m.Mode == "Concurrent" && partner == nil && !alone {
			continue // it ends with its caller, or takes nothing that could be lost
		}
		why := s.waits(m)
		if why == "" {
			if partner != nil && strings.HasPrefix(m.Name, "Try") {
				s.warnOfPair(r, m, partner, "by its name it acquires what "+partner.Name+" gives back")
			}
			continue
		}
		reason := m.origin() + "may wait: " + why
		switch {
		case partner != nil:
			s.warnOfPair(r, m, partner, reason)
		case m.Mode == "Concurrent":
			r.Report(Warning, m.pos, m.Name, reason+", and takes no context: when its caller's process ends it goes on, and what it then returns is lost",
				s.contextHow(m)+", or say "+m.say("idempotent", "")+" if nothing is lost")
		default:
			others := "other calls"
			if m.Mode == "Shared" {
				others = "calls that are not read-only"
			}
			how := m.concurrentHow()
			if alone {
				how = s.contextHow(m) + " and " + how
			}
			r.Report(Warning, m.pos, m.Name, reason+", and "+others+" cannot run before it returns",
				how+", or "+m.exclusiveHow()+", or "+m.skipHow())
		}
	}
}

// contextHow says how to have m end with its caller.
func (s waiters) contextHow(m *Method) string {
	if s.Src.owns(m.fn.Pkg()) {
		return "give it a context as its first parameter"
	}
	return s.replacement(m) + ", with a context as its first parameter,"
}

// warnOfPair reports a method that acquires something which nothing releases for a
// process that dies.
func (s waiters) warnOfPair(r *Reporter, m, end *Method, reason string) {
	if m.Mode != "Concurrent" && !strings.HasPrefix(m.Name, "Try") {
		reason += ", and " + end.Name + " cannot run before it returns"
	} else {
		reason += ", and nothing calls " + end.Name + " for a process that dies"
	}
	r.Report(Warning, m.pos, m.Name, reason, m.pairHow(end)+", or "+m.skipHow())
}
