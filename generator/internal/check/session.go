package check

import (
	"go/types"
	"maps"
	"slices"
)

// pairSessions links each method that has a session with the method that ends it.
func pairSessions(methods []*Method) {
	for _, m := range methods {
		for _, other := range methods {
			if m.End != "" && other.Name == m.End {
				m.Ending, other.ends = other, true
			}
		}
	}
}

// checkSessions reports sessions that the daemon could not end.
func (s waiters) checkSessions(r *Reporter, known map[string]bool) {
	for _, m := range s.Methods {
		if m.End == "" {
			continue
		}
		bad := func(reason, remedy string) { r.Report(Error, m.pos, m.Name, reason, remedy) }
		switch {
		case m.Detach:
			bad("acquires nothing, since it ends the handle only", "use -close forward, or "+remedies{m}.dropHow("session", "end="+m.End, m.End))
		case m.Ending == nil:
			remedy := "name one of its exported methods"
			if near := nearest(m.End, slices.Sorted(maps.Keys(known))); near != "" {
				remedy = "did you mean " + near + "?"
			}
			bad("is to be ended by "+m.End+", and there is no such method", remedy)
		case m.Ending == m:
			bad("is to be ended by itself", "name the method that gives back what it acquires")
		case m.Ending.Detach || !slices.Contains(s.Methods, m.Ending):
			bad("is to be ended by "+m.End+", which is not served", "see the reason given for "+m.End)
		case m.Mode != "Concurrent" || m.Ending.Mode != "Concurrent":
			bad("keeps something beyond its turn, so that it and "+m.End+" must be concurrent",
				remedies{m}.concurrentHow(m.Ending))
		case len(m.Ending.WithoutContext()) > 0 && !m.sameParameters(m.Ending):
			remedy := remedies{m}.dropHow("session", "end="+m.End, m.End) + ", or end it with another method"
			if s.Src.owns(m.Ending.fn.Pkg()) {
				remedy = "give " + m.End + " none, or the same"
			}
			bad("is to be ended by "+m.End+", whose parameters are not its own", remedy)
		}
		for _, other := range s.Methods {
			if other.Name == "Try"+m.Name && other.End == "" {
				r.Report(Warning, other.pos, other.Name, "has no session, though "+m.Name+" has: "+m.End+" will refuse to end what it acquires",
					"say "+remedies{other}.sessionHow(m.End))
			}
		}
	}
}

// sameParameters reports whether both methods take the same data.
func (m *Method) sameParameters(other *Method) bool {
	return slices.EqualFunc(m.WithoutContext(), other.WithoutContext(), func(a, b *Value) bool {
		return types.Identical(a.Typ, b.Typ) && a.Passing == asValue && b.Passing == asValue
	})
}
