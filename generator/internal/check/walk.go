package check

import (
	"go/types"
	"slices"
)

// problem is why a value cannot travel, or not whole.
type problem struct {
	label  string // "parameter n"
	path   string // into the type: "User.Address.zip"; "" for the value itself
	typ    string // the offending type as source, when it is worth showing
	reason string
	remedy string // a change to the method, or to the types that it passes
	// instead is a remedy that changes neither; both may be empty.
	instead string
	lossy   bool // it would travel, but lose data in silence
	proxy   bool // only a proxy cannot have the method
	unknown bool // the type is unknown, and how it is written was not looked up
	// field is the innermost one to blame, nil outside of structs: methods
	// that fail for the same field need its remedy only once.
	field *types.Var
}

// String returns the label, the path and the reason.
func (p *problem) String() string {
	s := p.label
	switch {
	case s == "":
		s = p.path
	case p.path != "":
		s += " (" + p.path + ")"
	}
	if s != "" {
		s += " "
	}
	s += p.reason
	if p.typ != "" {
		s += " (" + p.typ + ")"
	}
	return s
}

// walk follows a type to everything a value of it can hold.
type walk struct {
	src *Source
	// implemented reports whether a known data type implements an interface.
	implemented func(*types.Named) bool
	own         *types.Named // the shared type
	label       string
	variadic    bool
	seen        map[*types.Named]bool
	// named is set inside of a type that source here can name: its parts need not be
	// written.
	named bool
}

type judge struct{ *Service }

// judge returns why method m cannot be served, or nil.
func (s judge) judge(m *Method) *problem {
	if p := s.judgeWhole(m); p != nil {
		return p
	}
	m.Options = s.optionsOf(m)
	for i, v := range m.Params {
		if i == m.Context || v.Passing == asState {
			continue
		}
		t := v.Typ
		variadic := m.Variadic && i == len(m.Params)-1
		if v == m.Options {
			continue
		}
		if p := s.walk(v.label, variadic).whole(t); p != nil {
			return p.writtenAt(s.Src, v.pos)
		}
	}
	for _, v := range m.Results {
		if v.Passing == asLog {
			continue
		}
		if p := s.ownResult(m, v); p != nil {
			return p
		}
		if p := s.walk(v.label, false).whole(v.Typ); p != nil {
			return p.writtenAt(s.Src, v.pos)
		}
	}
	if p := s.judgeIdentity(m); p != nil {
		return p
	}
	return s.judgeWrites(m)
}

func (s *Service) walk(label string, variadic bool) *walk {
	return &walk{src: s.Src, implemented: s.implemented, own: s.typ, label: label, variadic: variadic, seen: make(map[*types.Named]bool)}
}

// judgeWhole judges a method without its parameters and results.
func (s judge) judgeWhole(m *Method) *problem {
	if elsewhere := s.elsewhere(m.fn); elsewhere != "" && !s.isBound(m) {
		return &problem{reason: "not all builds of the package declare it alike: " + elsewhere + ", and the generated file would not compile there",
			remedy: "declare it in a file without build constraints, or for the other builds, too"}
	}
	if recv := m.fn.Signature().Recv(); m.from != "" && recv != nil && m.End == "" && !m.ends {
		t, _ := Pointee(recv.Type())
		for _, name := range []string{"Mutex", "RWMutex", "Once", "WaitGroup", "Cond"} {
			if IsNamed(t, "sync", name) {
				return &problem{reason: "a lock held by one process would keep all others out, for ever if that one dies",
					instead: s.lockHow(m, name)}
			}
		}
	}
	return nil
}

// whole returns why a parameter or result of type t cannot travel, or nil.
func (w *walk) whole(t types.Type) *problem {
	if p := w.data(t, "", false); p != nil {
		return p
	}
	return w.tooDeep(t, 0)
}

// data returns why a value of type t, reached by path, cannot travel, or nil.
func (w *walk) data(t types.Type, path string, pointed bool) *problem {
	if tn := TypeNameOf(t); tn != nil && !w.named && w.src.nameable(tn) {
		for arg := range TypeArgs(t).Types() {
			if p := w.names(arg, path); p != nil {
				return p
			}
		}
		w.named = true
		defer func() { w.named = false }()
	}
	t = types.Unalias(t)
	if IsTypeParam(t) {
		return nil // the runtime judges its type argument
	}
	if p := w.unknown(t, path); p != nil {
		return p
	}
	if i := slices.IndexFunc(rules, func(r rule) bool { return r.match(w, t) }); i >= 0 {
		return w.refuse(t, path, rules[i].reason, rules[i].remedy)
	}
	if named, ok := t.(*types.Named); ok {
		if w.seen[named] {
			return nil
		}
		w.seen[named] = true
		if codec, p := w.ownCodec(named, path); codec || p != nil {
			return p
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		p := w.data(u.Elem(), path, true)
		if p != nil && p.path == path && p.typ != "" {
			p.typ = "*" + p.typ
		}
		return p
	case *types.Slice:
		return w.data(u.Elem(), path+elements(path), false)
	case *types.Array:
		if u.Len() > maxElements && !isBasic(types.Uint8)(w, u.Elem()) {
			return w.refuse(t, path, "has more elements than can be sent in one piece", "use a smaller array")
		}
		return w.data(u.Elem(), path+elements(path), false)
	case *types.Map:
		switch {
		case keyHolds(u.Key(), isKind[*types.Pointer]):
			return w.refuse(t, path, "has pointers in its keys, which are different ones after travelling", "use a key without pointers")
		case keyHolds(u.Key(), func(_ *walk, t types.Type) bool { return isError(t) }):
			return w.refuse(t, path, "has errors in its keys, which may be different ones after travelling", "use their text")
		}
		if p := w.data(u.Key(), path+elements(path), false); p != nil {
			return p
		}
		return w.data(u.Elem(), path+elements(path), false)
	case *types.Struct:
		return w.fields(t, u, path, pointed)
	}
	return nil
}

// names returns a problem when the type, an argument of a generic one, cannot be
// written down. The walk meets its values in the fields, if at all.
func (w *walk) names(t types.Type, path string) *problem {
	if tn := TypeNameOf(t); tn != nil && w.src.nameable(tn) {
		for arg := range TypeArgs(t).Types() {
			if p := w.names(arg, path); p != nil {
				return p
			}
		}
		return nil
	}
	t = types.Unalias(t)
	if p := w.unknown(t, path); p != nil {
		return p
	}
	if isUnnameable(w, t) {
		return w.refuse(t, path, unnameable.reason, unnameable.remedy)
	}
	if _, ok := t.(*types.Interface); ok {
		return nil
	}
	if st, ok := t.(*types.Struct); ok {
		for f := range st.Fields() {
			if !f.Exported() && f.Pkg() != w.src.Types {
				return w.refuse(t, path, unnameable.reason, unnameable.remedy)
			}
		}
	}
	for part := range parts(t) {
		if p := w.names(part, path); p != nil {
			return p
		}
	}
	return nil
}

// elements is added to a path that goes into a slice, array or map. The path of the value
// itself stays empty.
func elements(path string) string {
	if path == "" {
		return ""
	}
	return "[]"
}

func (w *walk) refuse(t types.Type, path, reason, remedy string) *problem {
	return &problem{label: w.label, path: path, reason: reason, remedy: remedy, typ: types.TypeString(t, w.src.qualify)}
}

// maxElements is the largest number of elements that the runtime sends in one array.
const maxElements = 131072

// keyHolds reports whether matches holds for t, the type of a key, or for a part of it.
func keyHolds(t types.Type, matches func(*walk, types.Type) bool) bool {
	t = types.Unalias(t)
	if matches(nil, t) {
		return true
	}
	switch u := t.Underlying().(type) {
	case *types.Array:
		return keyHolds(u.Elem(), matches)
	case *types.Struct:
		if named, ok := t.(*types.Named); ok && hasCodec(named, codecs[0]) {
			return false
		}
		return hasPart(u, func(t types.Type) bool { return keyHolds(t, matches) })
	}
	return false
}
