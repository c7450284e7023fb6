package check

import (
	"go/types"
	"maps"
	"slices"
	"strings"
)

// partners are the names of methods that acquire something beyond their own call, each
// with the names of the methods that release it.
var partners = map[string][]string{
	"Lock": {"Unlock"}, "TryLock": {"Unlock"},
	"RLock": {"RUnlock", "Unlock"}, "TryRLock": {"RUnlock", "Unlock"},
	"Acquire": {"Release"}, "TryAcquire": {"Release"},
	"Begin":    {"End", "Commit"},
	"Enter":    {"Leave", "Exit"},
	"Checkout": {"Checkin"}, "CheckOut": {"CheckIn"},
	"Borrow": {"Return"},
}

func acquires(name string) bool { return len(partnerNames(name)) > 0 }

// partnerNames returns the possible names of the method that pairs with the method
// called name: Release and ReleaseN for AcquireN.
func partnerNames(name string) []string {
	for acquire, ends := range partners {
		rest, ok := strings.CutPrefix(name, acquire)
		if !ok || rest != "" && (rest[0] < 'A' || rest[0] > 'Z') {
			continue
		}
		var names []string
		for _, end := range ends {
			names = append(names, end+rest)
		}
		if slices.Contains([]string{"Context", "Ctx", "N", "Timeout", "Wait"}, rest) {
			names = append(names, ends...)
		}
		return names
	}
	return nil
}

// partner returns the served method that can end a session of m, or nil.
func (s waiters) partner(m *Method) *Method {
	names := partnerNames(m.Name)
	if len(names) == 0 {
		return nil
	}
	set := types.NewMethodSet(types.NewPointer(s.typ))
	for _, name := range names {
		if set.Lookup(nil, name) == nil {
			continue
		}
		for _, other := range s.Methods {
			if other.Name == name && !other.Detach && (len(other.WithoutContext()) == 0 || m.sameParameters(other)) {
				return other
			}
		}
		return nil // it is not served, and the next name is that of another pair
	}
	return nil
}

// pairHow says how to make a session of m and the method that ends it.
func (m *Method) pairHow(end *Method) string {
	var concurrent []string
	for _, one := range []*Method{m, end} {
		if one.Mode != "Concurrent" {
			concurrent = append(concurrent, one.Name)
		}
	}
	condition := ""
	if len(concurrent) > 0 {
		condition = safe
	}
	if m.decl == nil || end.decl == nil {
		how := "say "
		if len(concurrent) > 0 {
			how += "-concurrent " + strings.Join(concurrent, ",") + " "
		}
		return how + "-session " + m.Name + "=" + end.Name + condition
	}
	how := "say " + directivePrefix + "session end=" + end.Name
	if m.Mode != "Concurrent" {
		how += " and " + directivePrefix + "concurrent"
	}
	if end.Mode != "Concurrent" {
		how += ", and " + directivePrefix + "concurrent at " + end.Name + ","
	}
	return how + condition
}

// locks are types that one caller holds while others wait, with the reason why each cannot
// be shared without sessions.
var locks = map[string]string{
	"sync.Mutex": keepsOut, "sync.RWMutex": keepsOut, "sync.Once": keepsOut, "golang.org/x/sync/semaphore.Weighted": keepsOut,
	"sync.Cond":                        "its Wait needs a lock that the caller holds, and its caller is another process",
	"sync.WaitGroup":                   "a process that dies before it calls Done would keep all others waiting forever",
	"golang.org/x/sync/errgroup.Group": "it waits for functions, which stay in the process that starts them",
}

const keepsOut = "a process that dies while it holds it would keep all others out forever"

// isUnheldLock reports a shared type that is a lock, unless each method that acquires
// it has a session.
func (s waiters) isUnheldLock(r *Reporter) bool {
	lock, ok := locks[types.TypeString(s.typ, nil)]
	if !ok {
		return false
	}
	names := make(map[string]bool)
	var sessions []string
	missing, other := false, false
	for _, m := range s.Methods {
		end := s.partner(m)
		switch {
		case end != nil:
			names[m.Name], names[end.Name] = true, true
			sessions = append(sessions, m.Name+"="+end.Name)
			missing = missing || m.End == ""
		case m.Name == "Wait" || m.Name == "Do":
			other = true
		}
	}
	if !missing && !(other && len(sessions) == 0) {
		return false
	}
	remedy := "share a type of your own whose methods do what it is for"
	if len(sessions) > 0 {
		slices.Sort(sessions)
		remedy = "say -concurrent " + strings.Join(slices.Sorted(maps.Keys(names)), ",") + " -session " + strings.Join(sessions, ",")
	}
	r.Report(Error, s.Pos, s.TypeName(), lock, remedy)
	return true
}

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
			bad("acquires nothing, since it ends the handle only", "use -close forward, or "+m.dropHow("session", m.End))
		case m.Ending == nil:
			bad("is to be ended by "+m.End+", and there is no such method",
				didYouMean(m.End, slices.Sorted(maps.Keys(known)), "", "name one of its exported methods"))
		case m.Ending == m:
			bad("is to be ended by itself", "name the method that gives back what it acquires")
		case m.Ending.Detach || !slices.Contains(s.Methods, m.Ending):
			bad("is to be ended by "+m.End+", which is not served", "see the reason given for "+m.End)
		case m.Mode != "Concurrent" || m.Ending.Mode != "Concurrent":
			bad("keeps something beyond its turn, so that it and "+m.End+" must be concurrent",
				m.concurrentHow(m.Ending))
		case len(m.Ending.WithoutContext()) > 0 && !m.sameParameters(m.Ending):
			remedy := m.dropHow("session", m.End) + ", or end it with another method"
			if s.Src.owns(m.Ending.fn.Pkg()) {
				remedy = "give " + m.End + " none, or the same"
			}
			bad("is to be ended by "+m.End+", whose parameters are not its own", remedy)
		}
		for _, other := range s.Methods {
			if other.Name == "Try"+m.Name && other.End == "" {
				r.Report(Warning, other.pos, other.Name, "has no session, though "+m.Name+" has: "+m.End+" will refuse to end what it acquires",
					"say "+other.say("session", m.End))
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
