package generator

import (
	"go/types"
)

// problem is why a value cannot travel, or not whole.
type problem struct {
	label  string // "parameter n"
	path   string // into the type: "User.Address.zip"; "" for the value itself
	typ    string // the offending type as source, when it is worth showing
	reason string
	remedy string
	lossy  bool // it would travel, but lose data in silence
}

// String returns the label, the path and the reason.
func (p *problem) String() string {
	s := p.label
	if p.path != "" {
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
	src      *source
	own      *types.Named // the shared type
	label    string
	variadic bool
	seen     map[*types.Named]bool
}

// judge returns why method m cannot be served, or nil.
func (s *service) judge(m *method) *problem {
	if p := s.judgeWhole(m); p != nil {
		return p
	}
	for i, v := range m.params {
		if i == m.context {
			continue
		}
		t := v.typ
		variadic := m.variadic && i == len(m.params)-1
		if p := s.walk(v.label, variadic).data(t, "", false); p != nil {
			return p
		}
	}
	for _, v := range m.results {
		if p := s.ownResult(v); p != nil {
			return p
		}
		if p := s.walk(v.label, false).data(v.typ, "", false); p != nil {
			return p
		}
	}
	return nil
}

func (s *service) walk(label string, variadic bool) *walk {
	return &walk{src: s.src, own: s.typ, label: label, variadic: variadic, seen: make(map[*types.Named]bool)}
}

// judgeWhole finds what is wrong with a method as a whole.
func (s *service) judgeWhole(m *method) *problem {
	if recv := m.fn.Signature().Recv(); m.from != "" && recv != nil {
		t := types.Unalias(recv.Type())
		if p, ok := t.(*types.Pointer); ok {
			t = types.Unalias(p.Elem())
		}
		for _, name := range []string{"Mutex", "RWMutex", "Once", "WaitGroup", "Cond"} {
			if isNamed(t, "sync", name) {
				return &problem{reason: "a lock held by one process would keep all others out, for ever if that one dies",
					remedy: "make the lock a named field: mu sync." + name}
			}
		}
	}
	if v := m.writtenParameter(); v != nil {
		return &problem{label: v.label, reason: "is written to by the method, and what it writes would stay in the daemon",
			remedy: "return the data instead"}
	}
	return nil
}

// ownResult refuses *T as a result: the caller would get a copy and take it
// for the object.
func (s *service) ownResult(v *value) *problem {
	if p, ok := types.Unalias(v.typ).(*types.Pointer); ok && types.Identical(p.Elem(), s.typ) {
		return &problem{label: v.label, reason: "is the shared type itself, and would be a copy of the object",
			remedy: "return nothing, or the data"}
	}
	return nil
}

// data returns why a value of type t, reached by path, cannot travel, or nil.
func (w *walk) data(t types.Type, path string, pointed bool) *problem {
	t = types.Unalias(t)
	for i := range rules {
		if rules[i].match(w, t) {
			return w.refuse(t, path, rules[i].reason, rules[i].remedy)
		}
	}
	if named, ok := t.(*types.Named); ok {
		if w.seen[named] {
			return nil
		}
		w.seen[named] = true
		if codec, p := w.ownCodec(named, path); codec || p != nil {
			return p
		}
		for arg := range named.TypeArgs().Types() {
			// Only its name matters: what it holds is met in the fields.
			if p := w.names(arg, path); p != nil {
				return p
			}
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
		if holdsPointer(u.Key()) {
			return w.refuse(t, path, "has pointers in its keys, which are different ones after travelling", "use a key without pointers")
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

// names returns a problem when the type, an argument of a generic one, cannot be written down.
func (w *walk) names(t types.Type, path string) *problem {
	t = types.Unalias(t)
	if isUnnameable(w, t) {
		return w.refuse(t, path, "has a type that cannot be named from this package", "use an exported type, or a type of your own")
	}
	return nil
}

// elements is what a path gains by going into a slice, array or map; at the
// root there is nothing yet to go into.
func elements(path string) string {
	if path == "" {
		return ""
	}
	return "[]"
}

func (w *walk) refuse(t types.Type, path, reason, remedy string) *problem {
	p := &problem{label: w.label, path: path, reason: reason, remedy: remedy}
	if !isInvalid(w, t) {
		p.typ = types.TypeString(t, w.src.qualify)
	}
	return p
}

// maxElements is what the runtime sends at most in one array.
const maxElements = 131072

// holdsPointer reports whether values of t, a key, hold a pointer.
func holdsPointer(t types.Type) bool {
	switch u := types.Unalias(t).Underlying().(type) {
	case *types.Pointer:
		return true
	case *types.Array:
		return holdsPointer(u.Elem())
	case *types.Struct:
		if named, ok := types.Unalias(t).(*types.Named); ok && hasCodec(named, codecs[0]) {
			return false
		}
		for f := range u.Fields() {
			if holdsPointer(f.Type()) {
				return true
			}
		}
	}
	return false
}

// codec is a pair of methods by which a type travels as it says itself.
type codec struct{ marshal, unmarshal string }

// codecs are in the order in which the runtime prefers them.
var codecs = []codec{{"MarshalBinary", "UnmarshalBinary"}, {"MarshalText", "UnmarshalText"}}

func hasCodec(named *types.Named, c codec) bool {
	marshal, _ := codecMethod(named, c.marshal, marshalSignature)
	unmarshal, _ := codecMethod(named, c.unmarshal, unmarshalSignature)
	return marshal && unmarshal
}

const (
	marshalSignature   = "func() ([]byte, error)"
	unmarshalSignature = "func([]byte) error"
)

// ownCodec reports whether named travels by methods of its own, or why it
// cannot.
func (w *walk) ownCodec(named *types.Named, path string) (bool, *problem) {
	for _, c := range []codec{{"MarshalCBOR", marshalSignature}, {"UnmarshalCBOR", unmarshalSignature}} {
		if found, _ := codecMethod(named, c.marshal, c.unmarshal); found {
			return false, w.refuse(named, path, "makes its own CBOR, which is not supported", "give it MarshalBinary and UnmarshalBinary")
		}
	}
	for _, c := range codecs {
		marshal, depth := codecMethod(named, c.marshal, marshalSignature)
		unmarshal, _ := codecMethod(named, c.unmarshal, unmarshalSignature)
		switch {
		case marshal && !unmarshal:
			return false, w.refuse(named, path, "has "+c.marshal+" but no "+c.unmarshal+", so that it cannot be received", "add it")
		case marshal:
			return true, w.swallowed(named, path, c.marshal, depth)
		case unmarshal && mistaken(named, c):
			return false, w.refuse(named, path, "has "+c.unmarshal+" but no "+c.marshal, "add it")
		}
	}
	return false, nil
}

// mistaken reports whether what is sent of a type without a Marshal method
// would be given to its Unmarshal method.
func mistaken(named *types.Named, c codec) bool {
	switch u := named.Underlying().(type) {
	case *types.Basic:
		return u.Kind() == types.String && c.unmarshal == "UnmarshalText"
	case *types.Slice:
		return isBasic(types.Uint8)(nil, u.Elem()) && c.unmarshal == "UnmarshalBinary"
	case *types.Array:
		return isBasic(types.Uint8)(nil, u.Elem()) && c.unmarshal == "UnmarshalBinary"
	}
	return false
}

// swallowed refuses a struct that would travel as what it embeds, if that
// loses other fields or cannot be made by the receiver.
func (w *walk) swallowed(named *types.Named, path, marshal string, depth int) *problem {
	st, ok := named.Underlying().(*types.Struct)
	if !ok || depth <= 1 {
		return nil
	}
	fields, pointer := 0, false
	for f := range st.Fields() {
		if f.Name() != "_" {
			fields++
		}
		pointer = pointer || f.Embedded() && isKind[*types.Pointer](w, types.Unalias(f.Type()))
	}
	switch {
	case fields > 1:
		p := w.refuse(named, path, "travels by the "+marshal+" of what it embeds, which loses all other fields",
			"give the embedded field a name, or the type methods of its own")
		p.lossy = true
		return p
	case pointer:
		return w.refuse(named, path, "travels by the "+marshal+" of what it embeds by pointer, which the receiver does not have", "embed it by value")
	}
	return nil
}

// codecMethod looks for a method of *named with the given signature; depth is
// 1 for its own and more for a promoted one.
func codecMethod(named *types.Named, name, signature string) (found bool, depth int) {
	obj, index, _ := types.LookupFieldOrMethod(types.NewPointer(named), false, named.Obj().Pkg(), name)
	fn, ok := obj.(*types.Func)
	return ok && plainSignature(fn.Signature()) == signature, len(index)
}

// plainSignature writes a signature without the names of its parameters.
func plainSignature(sig *types.Signature) string {
	unnamed := func(tuple *types.Tuple) *types.Tuple {
		vars := make([]*types.Var, tuple.Len())
		for i := range vars {
			vars[i] = types.NewParam(0, nil, "", tuple.At(i).Type())
		}
		return types.NewTuple(vars...)
	}
	plain := types.NewSignatureType(nil, nil, nil, unnamed(sig.Params()), unnamed(sig.Results()), sig.Variadic())
	return types.TypeString(plain, nil)
}
