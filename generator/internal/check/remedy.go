package check

import (
	"cmp"
	"go/types"
	"slices"
	"strings"
)

// A remedy contains text to type in one form: a directive for a method that this
// package declares, a flag for any other, since directives are read only here. The
// text works as it stands: a test applies each one and generates again.

// owns reports whether the user can change the declarations of package p.
func (src *Source) owns(p *types.Package) bool {
	return p == nil || p == src.Types || src.InModule(p.Path())
}

// change returns remedy, a change to a declaration of package p, or another one if
// the user cannot change p.
func (src *Source) change(p *types.Package, remedy string) string {
	if src.owns(p) {
		return remedy
	}
	return "convert it to a type of your own"
}

// remedy returns the ways to deal with p, the problem for which m is left out.
func (s collector) remedy(m *Method, p *problem) string {
	ways := []string{p.remedy, p.instead, "silence this with " + m.skipHow()}
	if p.proxy {
		ways[2] = "leave it out there, too, with " + m.skipHow()
	}
	if p.remedy != "" && !s.Src.owns(m.fn.Pkg()) {
		ways[0] = s.replacement(m)
	}
	return strings.Join(slices.DeleteFunc(ways, func(way string) bool { return way == "" }), ", or ")
}

// replacement says how to have another method in the place of m, which the user
// cannot change.
func (s *Service) replacement(m *Method) string {
	if s.Src.owns(s.typ.Obj().Pkg()) {
		return "give " + s.TypeName() + " its own " + m.Name
	}
	return "share a type of your own that embeds " + s.TypeName() + " and has its own " + m.Name
}

func (m *Method) skipHow() string { return m.say("skip", "") }

// lockHow returns the remedy for a method of an embedded lock.
func (s judge) lockHow(m *Method, lock string) string {
	if m.depth == 2 && s.Src.owns(s.typ.Obj().Pkg()) {
		return "make the lock a named field: mu sync." + lock
	}
	acquire, release := m.Name, "Unlock"
	switch m.Name {
	case "Lock", "TryLock":
	case "RLock", "TryRLock":
		release = "RUnlock"
	case "Unlock", "RUnlock":
		acquire, release = strings.Replace(m.Name, "Unl", "L", 1), m.Name
	default:
		return ""
	}
	return "share it with -concurrent " + acquire + "," + release + " -session " + acquire + "=" + release
}

// concurrentHow says how to make the method concurrent, and others with it: by
// directives if this package declares all of them.
func (m *Method) concurrentHow(others ...*Method) string {
	names, declared, instead := []string{m.Name}, m.decl != nil, m.readOnly
	for _, other := range others {
		names = append(names, other.Name)
		declared = declared && other.decl != nil
		instead = cmp.Or(instead, other.readOnly)
	}
	text := "say -concurrent " + strings.Join(names, ",")
	if declared {
		text = "say " + directivePrefix + "concurrent"
		if len(others) > 0 {
			text += " at " + strings.Join(names, " and ")
		}
	}
	if instead != "" {
		text += " instead of " + instead
	}
	return text + safe
}

// exclusiveHow says how to have the method run alone without a warning.
func (m *Method) exclusiveHow() string {
	text := m.say("exclusive", "")
	if m.readOnly != "" {
		text += " instead of " + m.readOnly
	}
	return text + " if it waits for no other call"
}

// safe is the condition under which a method may be concurrent.
const safe = " if the type is safe for concurrent use"

// dropHow says how to take back a directive, or the flag that gives the method the same
// value, whichever the user has written.
func (m *Method) dropHow(name, value string) string {
	if slices.Contains(m.arguments(name), argumentOf(name, value)) {
		return "drop " + m.say(name, value)
	}
	return "drop " + m.flag(name, value)
}

// say returns the directive for the method, or the flag if another package
// declares it. The value is "" for one that has none.
func (m *Method) say(name, value string) string {
	if m.decl == nil {
		return m.flag(name, value)
	}
	return directivePrefix + strings.TrimSpace(name+" "+argumentOf(name, value))
}

// argumentOf returns the argument of a directive that says value.
func argumentOf(name, value string) string {
	if name == "session" {
		return "end=" + value
	}
	return value
}

// flag returns the flag that says the same of the method as a directive.
func (m *Method) flag(name, value string) string {
	if value != "" {
		value = directives[slices.Index(directiveNames(), name)].separator + value
	}
	return "-" + name + " " + m.Name + value
}
