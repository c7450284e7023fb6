package check

import (
	"go/types"
	"slices"
	"strings"
)

// accept decides whether a method is left out, detached or served, and in which mode. It
// reports whether the method stays.
func (s collector) accept(r *Reporter, o *Options, m *Method) bool {
	if m.asked("skip", o.Skip) {
		s.Summary.Skipped++
		r.Report(Note, m.pos, m.Name, "left out as asked", "")
		return false
	}
	if m.detachable() && o.Close != "forward" {
		m.Detach = true
		settingsReader{m}.refuseSettings(r)
		r.Report(Note, m.pos, m.Name, "ends the handle, the object goes on", "use -close forward to close the object for everybody")
		return true
	}
	if p := judge(s).judge(m); p != nil {
		s.Summary.LeftOut++
		// A method of another module can only be left out.
		if p.lossy && s.Src.owns(m.fn.Pkg()) {
			r.explain(p, Error, m.pos, m.Name, m.origin()+p.String(), p.remedy+", or leave the method out with "+m.skipHow())
			return false
		}
		s.omit(r, m, p)
		return false
	}
	if m.Fluent {
		s.Summary.ClientOnly++
		s.omit(r, m, &problem{proxy: true, instead: "call it through the client",
			reason: "it returns the object itself, which a proxy cannot return as " + types.TypeString(m.fn.Signature().Recv().Type(), s.Src.qualify)})
	}
	if !(settingsReader{m}).chooseMode(r, o) {
		return true
	}
	r.Report(Note, m.pos, m.Name, "shared, "+modeWord(m.Mode), "")
	if v := m.Options; v != nil {
		r.Report(Note, m.pos, m.Name, v.label+" is not in the client, and a call of the proxy with any fails: options cannot leave their process (..."+types.TypeString(v.Typ.(*types.Slice).Elem(), s.Src.qualify)+")", "")
	}
	judge(s).noteCopies(r, m)
	for _, v := range m.Results {
		if m.Mode == "Concurrent" && refers(v.Typ) {
			r.Report(Note, m.pos, m.Name, v.label+" is encoded while other methods run ("+types.TypeString(v.Typ, s.Src.qualify)+")",
				"see that it is a copy of whatever the object still changes, as maps.Clone and slices.Clone make")
		}
	}
	return true
}

// refers reports whether a value of type t, which is data, may share memory
// with the object that returned it.
func refers(t types.Type) bool {
	if IsTypeParam(t) {
		return true
	}
	switch u := types.Unalias(t).Underlying().(type) {
	case *types.Map, *types.Slice, *types.Pointer, *types.Interface:
		return true
	case *types.Array, *types.Struct:
		// Their pointers lead to memory that never changes.
		return !IsNamed(t, "time", "Time") && !IsNamed(t, "net/netip", "Addr") && hasPart(u, refers)
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

// chooseMode sets the mode from flags and directives. A directive or flag that names the
// method goes before "all"; two that name it must agree.
func (m settingsReader) chooseMode(r *Reporter, o *Options) bool {
	readOnly, concurrent := m.asked("readonly", o.ReadOnly), m.asked("concurrent", o.Concurrent)
	m.exclusive = m.asked("exclusive", o.Exclusive)
	switch {
	case m.exclusive && (readOnly || concurrent):
		other := "concurrent"
		if readOnly {
			other = "read-only"
		}
		r.Report(Error, m.pos, m.Name, "is asked to be both exclusive and "+other, "keep one: an exclusive method runs alone")
		return false
	case m.exclusive:
	case readOnly && concurrent:
		r.Report(Error, m.pos, m.Name, "is asked to be both read-only and concurrent", "keep one: concurrent takes no turn at all, read-only waits for methods that write")
		return false
	case readOnly:
		m.Mode = "Shared"
	case concurrent:
		m.Mode = "Concurrent"
	case slices.Contains(o.ReadOnly, "all"):
		m.Mode = "Shared"
	case slices.Contains(o.Concurrent, "all"):
		m.Mode = "Concurrent"
	}
	return true
}

// isConcurrent reports whether chooseMode makes m concurrent.
func (m *Method) isConcurrent(o *Options) bool {
	other := m.asked("readonly", o.ReadOnly) || m.asked("exclusive", o.Exclusive)
	return m.asked("concurrent", o.Concurrent) || slices.Contains(o.Concurrent, "all") && !other
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
func (m *Method) returnsAtOnce() bool {
	n := len(m.Results)
	switch m.Name {
	case "Begin":
		return n == 0 && !m.Fails
	case "Dequeue", "Pop", "Take":
		return n > 1 && !m.Fails && types.Identical(m.Results[n-1].Typ, types.Typ[types.Bool])
	}
	return false
}
