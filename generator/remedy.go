package generator

import (
	"cmp"
	"go/types"
	"slices"
	"strings"
)

// A remedy contains text to type in one form: a directive for a method that this
// package declares, a flag for any other, since directives are read only here. The
// text works as it stands: a test applies each one and generates again.

// owns reports whether the user can change what package p declares.
func (src *source) owns(p *types.Package) bool {
	return p == nil || p == src.Types || src.InModule(p.Path())
}

// change returns remedy, a change to what package p declares, or another one if
// the user cannot change p.
func (src *source) change(p *types.Package, remedy string) string {
	if src.owns(p) {
		return remedy
	}
	return "convert it to a type of your own"
}

// remedy says what to do about p, because of which m is left out.
func (s *service) remedy(m *method, p *problem) string {
	ways := []string{p.remedy, p.instead, "silence this with " + m.skipHow()}
	if p.proxy {
		ways[2] = "leave it out there, too, with " + m.skipHow()
	}
	if p.remedy != "" && !s.src.owns(m.fn.Pkg()) {
		ways[0] = s.replacement(m)
	}
	return strings.Join(slices.DeleteFunc(ways, func(way string) bool { return way == "" }), ", or ")
}

// replacement says how to have another method in the place of m, which the user
// cannot change.
func (s *service) replacement(m *method) string {
	if s.src.owns(s.typ.Obj().Pkg()) {
		return "give " + s.typeName() + " its own " + m.name
	}
	return "share a type of your own that embeds " + s.typeName() + " and has its own " + m.name
}

// skipHow says how to leave the method out.
func (m *method) skipHow() string { return m.say("skip", "-skip "+m.name) }

// inOutHow says how to have a parameter copied back.
func (m *method) inOutHow(v *value) string {
	return m.say("inout "+v.user, "-inout "+m.name+"."+v.user)
}

// inHow says how to have changes of a parameter stay in the daemon.
func (m *method) inHow(v *value) string {
	return m.say("in "+v.user, "-in "+m.name+"."+v.user)
}

// sessionHow says how to have the method ended by that called end.
func (m *method) sessionHow(end string) string {
	return m.say("session end="+end, "-session "+m.name+"="+end)
}

// lockHow says what to do about a method of an embedded lock.
func (s *service) lockHow(m *method, lock string) string {
	if m.depth == 2 && s.src.owns(s.typ.Obj().Pkg()) {
		return "make the lock a named field: mu sync." + lock
	}
	acquire, release := m.name, "Unlock"
	switch m.name {
	case "Lock", "TryLock":
	case "RLock", "TryRLock":
		release = "RUnlock"
	case "Unlock", "RUnlock":
		acquire, release = strings.Replace(m.name, "Unl", "L", 1), m.name
	default:
		return ""
	}
	return "share it with -concurrent " + acquire + "," + release + " -session " + acquire + "=" + release
}

// concurrentHow says how to make the method concurrent, and others with it: by
// directives if this package declares all of them.
func (m *method) concurrentHow(others ...*method) string {
	names, declared, instead := []string{m.name}, m.decl != nil, m.readOnly
	for _, other := range others {
		names = append(names, other.name)
		declared = declared && other.decl != nil
		instead = cmp.Or(instead, other.readOnly)
	}
	text := concurrentHow(names...)
	if declared {
		text = "say " + directivePrefix + "concurrent"
		if len(others) > 0 {
			text += " at " + strings.Join(names, " and ")
		}
		text += safe
	}
	if instead != "" {
		text = strings.TrimSuffix(text, safe) + " instead of " + instead + safe
	}
	return text
}

// exclusiveHow says how to have the method run alone without a warning.
func (m *method) exclusiveHow() string {
	text := m.say("exclusive", "-exclusive "+m.name)
	if m.readOnly != "" {
		text += " instead of " + m.readOnly
	}
	return text + " if it waits for no other call"
}

// concurrentHow says how to make methods concurrent by a flag.
func concurrentHow(names ...string) string {
	return "say -concurrent " + strings.Join(names, ",") + safe
}

// safe is the condition under which a method may be concurrent.
const safe = " if the type is safe for concurrent use"

// dropHow says how to take back a directive with an argument, or the flag that
// gives the method the same value, whichever the user has written.
func (m *method) dropHow(name, argument, value string) string {
	if slices.Contains(m.arguments(name), argument) {
		return strings.TrimSpace("drop " + directivePrefix + name + " " + argument)
	}
	switch {
	case value == "":
		return "drop -" + name + " " + m.name
	case name == "inout" || name == "in":
		return "drop -" + name + " " + m.name + "." + value
	}
	return "drop -" + name + " " + m.name + "=" + value
}

// say returns the directive for the method, or the flag if another package
// declares it.
func (m *method) say(directive, flag string) string {
	if m.decl == nil {
		return flag
	}
	return directivePrefix + directive
}
