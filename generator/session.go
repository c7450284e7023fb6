package generator

import (
	"go/types"
	"maps"
	"slices"
)

// pairSessions links each method that has a session with the method that ends it.
func pairSessions(methods []*method) {
	for _, m := range methods {
		for _, other := range methods {
			if m.end != "" && other.name == m.end {
				m.ending, other.ends = other, true
			}
		}
	}
}

// checkSessions reports sessions that the daemon could not end.
func (s *service) checkSessions(r *reporter, known map[string]bool) {
	for _, m := range s.methods {
		if m.end == "" {
			continue
		}
		bad := func(reason, remedy string) { r.report(Error, m.pos, m.name, reason, remedy) }
		switch {
		case m.detach:
			bad("acquires nothing, since it ends the handle only", "use -close forward, or "+m.dropHow("session", "end="+m.end, m.end))
		case m.ending == nil:
			remedy := "name one of its exported methods"
			if near := nearest(m.end, slices.Sorted(maps.Keys(known))); near != "" {
				remedy = "did you mean " + near + "?"
			}
			bad("is to be ended by "+m.end+", and there is no such method", remedy)
		case m.ending == m:
			bad("is to be ended by itself", "name the method that gives back what it acquires")
		case m.ending.detach || !slices.Contains(s.methods, m.ending):
			bad("is to be ended by "+m.end+", which is not served", "see the reason given for "+m.end)
		case m.mode != "Concurrent" || m.ending.mode != "Concurrent":
			bad("keeps something beyond its turn, so that it and "+m.end+" must be concurrent",
				m.concurrentHow(m.ending))
		case len(m.ending.withoutContext()) > 0 && !m.sameParameters(m.ending):
			remedy := m.dropHow("session", "end="+m.end, m.end) + ", or end it with another method"
			if s.src.owns(m.ending.fn.Pkg()) {
				remedy = "give " + m.end + " none, or the same"
			}
			bad("is to be ended by "+m.end+", whose parameters are not its own", remedy)
		}
		for _, other := range s.methods {
			if other.name == "Try"+m.name && other.end == "" {
				r.report(Warning, other.pos, other.name, "has no session, though "+m.name+" has: "+m.end+" will refuse to end what it acquires",
					"say "+other.sessionHow(m.end))
			}
		}
	}
}

// sameParameters reports whether both methods take the same data.
func (m *method) sameParameters(other *method) bool {
	return slices.EqualFunc(m.withoutContext(), other.withoutContext(), func(a, b *value) bool {
		return types.Identical(a.typ, b.typ) && a.passing == asValue && b.passing == asValue
	})
}
