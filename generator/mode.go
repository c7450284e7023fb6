package generator

import (
	"go/types"
	"slices"
	"strings"
)

// accept decides what becomes of a method: left out, detached or served, and
// in which mode. It reports whether the method stays.
func (s *service) accept(r *reporter, o *checkOptions, m *method) bool {
	if m.has("skip") || slices.Contains(o.Skip, m.name) {
		s.summary.Skipped++
		r.report(Note, m.pos, m.name, "left out as asked", "")
		return false
	}
	if m.detachable() && o.Close != "forward" {
		m.detach = true
		m.refuseSettings(r)
		r.report(Note, m.pos, m.name, "ends the handle, the object goes on", "use -close forward to close the object for everybody")
		return true
	}
	if p := s.judge(m); p != nil {
		s.summary.LeftOut++
		// A method of another module can only be left out.
		if p.lossy && s.src.owns(m.fn.Pkg()) {
			r.explain(p, Error, m.pos, m.name, m.origin()+p.String(), p.remedy+", or leave the method out with "+m.skipHow())
			return false
		}
		s.omit(r, m, p)
		return false
	}
	if m.fluent {
		s.summary.ClientOnly++
		s.omit(r, m, &problem{proxy: true, instead: "call it through the client",
			reason: "it returns the object itself, which a proxy cannot return as " + types.TypeString(m.fn.Signature().Recv().Type(), s.src.qualify)})
	}
	if !m.chooseMode(r, o) {
		return true
	}
	r.report(Note, m.pos, m.name, "shared, "+modeWord(m.mode), "")
	if v := m.options; v != nil {
		r.report(Note, m.pos, m.name, v.label+" is not in the client, and a call of the proxy with any fails: options cannot leave their process (..."+types.TypeString(v.typ.(*types.Slice).Elem(), s.src.qualify)+")", "")
	}
	s.noteCopies(r, m)
	for _, v := range m.results {
		if m.mode == "Concurrent" && refers(v.typ) {
			r.report(Note, m.pos, m.name, v.label+" is encoded while other methods run ("+types.TypeString(v.typ, s.src.qualify)+")",
				"see that it is a copy of whatever the object still changes, as maps.Clone and slices.Clone make")
		}
	}
	return true
}

// refers reports whether a value of type t, which is data, may share memory
// with the object that returned it.
func refers(t types.Type) bool {
	if isTypeParam(t) {
		return true
	}
	switch u := types.Unalias(t).Underlying().(type) {
	case *types.Map, *types.Slice, *types.Pointer, *types.Interface:
		return true
	case *types.Array:
		return refers(u.Elem())
	case *types.Struct:
		if isNamed(t, "time", "Time") || isNamed(t, "net/netip", "Addr") {
			return false // the pointer inside is to what never changes
		}
		for f := range u.Fields() {
			if refers(f.Type()) {
				return true
			}
		}
	}
	return false
}

func modeWord(mode string) string {
	switch mode {
	case "Shared":
		return "runs beside other read-only calls"
	case "Concurrent":
		return "runs at any time"
	}
	return "runs alone"
}

// chooseMode sets the mode from flags and directives. What names the method
// goes before "all"; two that name it must agree.
func (m *method) chooseMode(r *reporter, o *checkOptions) bool {
	readOnly := m.has("readonly") || slices.Contains(o.ReadOnly, m.name)
	concurrent := m.has("concurrent") || slices.Contains(o.Concurrent, m.name)
	m.exclusive = m.has("exclusive") || slices.Contains(o.Exclusive, m.name)
	switch {
	case m.exclusive && (readOnly || concurrent):
		other := "concurrent"
		if readOnly {
			other = "read-only"
		}
		r.report(Error, m.pos, m.name, "is asked to be both exclusive and "+other, "keep one: an exclusive method runs alone")
		return false
	case m.exclusive:
	case readOnly && concurrent:
		r.report(Error, m.pos, m.name, "is asked to be both read-only and concurrent", "keep one: concurrent takes no turn at all, read-only waits for methods that write")
		return false
	case readOnly:
		m.mode = "Shared"
	case concurrent:
		m.mode = "Concurrent"
	case slices.Contains(o.ReadOnly, "all"):
		m.mode = "Shared"
	case slices.Contains(o.Concurrent, "all"):
		m.mode = "Concurrent"
	}
	return true
}

// isConcurrent reports whether chooseMode makes m concurrent.
func (m *method) isConcurrent(o *checkOptions) bool {
	other := m.has("readonly") || m.has("exclusive") || slices.Contains(o.ReadOnly, m.name) || slices.Contains(o.Exclusive, m.name)
	return m.has("concurrent") || slices.Contains(o.Concurrent, m.name) || slices.Contains(o.Concurrent, "all") && !other
}

// blockingNames are methods that by convention wait until another one is called. They
// count only where the source does not tell, see waiting.go. A prefix counts when a
// capital or the end follows: Wait, WaitN, WaitContext, but not Waiters.
var blockingNames = []string{"Acquire", "Await", "BRPop", "BLPop", "Begin", "Dequeue", "Lock", "Pop", "RLock", "Receive", "Recv", "Take", "Wait"}

// blocks reports whether by its name a method waits for another call.
func blocks(name string) bool {
	for _, blocking := range blockingNames {
		rest, ok := strings.CutPrefix(name, blocking)
		if ok && (rest == "" || blocking != "Pop" && blocking != "Take" && rest[0] >= 'A' && rest[0] <= 'Z') {
			return true
		}
	}
	return false
}

// returnsAtOnce recognises methods with the name of one that waits and a signature
// by which they do not: Pop and its kin, which say whether there was anything, and
// the Begin of an iterator, which begins nothing that is handed out.
func (m *method) returnsAtOnce() bool {
	n := len(m.results)
	switch m.name {
	case "Begin":
		return n == 0 && !m.fails
	case "Dequeue", "Pop", "Take":
		return n > 1 && !m.fails && types.Identical(m.results[n-1].typ, types.Typ[types.Bool])
	}
	return false
}
