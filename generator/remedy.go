package generator

import (
	"go/types"
	"slices"
	"strings"
)

// What can be done about a method depends on whose it is. Who declares it can
// change it, and in this package put a directive above it; for all others there are
// flags, and methods of their own in its place.

// owns reports whether the user can change what package p declares.
func (src *source) owns(p *types.Package) bool {
	m := src.pkg.Module
	return p == nil || p == src.types || m != nil && strings.HasPrefix(p.Path()+"/", m.Path+"/")
}

// change returns remedy, a change to what package p declares, or what to do
// instead where p belongs to somebody else.
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

// replacement says how to have another method in the place of m, which belongs to
// somebody else.
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

// concurrentHow says how to make methods concurrent.
func concurrentHow(names ...string) string {
	return "say -concurrent " + strings.Join(names, ",") + " if the type is safe for concurrent use"
}

// say returns the directive for the method, or the flag where that would not be
// read.
func (m *method) say(directive, flag string) string {
	if m.decl == nil {
		return flag
	}
	return directivePrefix + directive
}
