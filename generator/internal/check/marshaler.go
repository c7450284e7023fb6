package check

import "go/types"

// codec is a pair of methods by which a type travels as it says itself.
type codec struct{ marshal, unmarshal string }

// codecs are in the order in which the runtime prefers them.
var codecs = []codec{{"MarshalBinary", "UnmarshalBinary"}, {"MarshalText", "UnmarshalText"}}

// encodesItself reports whether values of t travel as their Marshal method says.
func encodesItself(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && (hasCodec(named, codecs[0]) || hasCodec(named, codecs[1]))
}

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
			return false, w.refuse(named, path, "makes its own CBOR, which is not supported", w.src.change(named.Obj().Pkg(), "give it MarshalBinary and UnmarshalBinary"))
		}
	}
	for _, c := range codecs {
		marshal, depth := codecMethod(named, c.marshal, marshalSignature)
		unmarshal, _ := codecMethod(named, c.unmarshal, unmarshalSignature)
		switch {
		case marshal && !unmarshal:
			return false, w.refuse(named, path, "has "+c.marshal+" but no "+c.unmarshal+", so that it cannot be received", w.src.change(named.Obj().Pkg(), "add it"))
		case marshal:
			return true, w.swallowed(named, path, c.marshal, depth)
		case unmarshal && mistaken(named, c):
			return false, w.refuse(named, path, "has "+c.unmarshal+" but no "+c.marshal, w.src.change(named.Obj().Pkg(), "add it"))
		}
	}
	return false, nil
}

// Opaque reports whether only the type's name is compared: it makes its own encoding, or
// cannot be sent.
func (s *Service) Opaque(named *types.Named) bool {
	w := s.walk("", false)
	whole, p := w.ownCodec(named, "")
	switch u := named.Underlying().(type) {
	case *types.Chan, *types.Signature:
		return true
	case *types.Struct:
		return whole || p != nil || w.lostField(named, u, "") != nil
	}
	return whole || p != nil
}

// mistaken reports whether the receiver of a type without a Marshal method would give the
// encoded value to its Unmarshal method.
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

// swallowed refuses a struct that would travel as its embedded field, if that
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
			w.src.change(named.Obj().Pkg(), "give the embedded field a name, or the type methods of its own"))
		p.lossy = true
		return p
	case pointer:
		return w.refuse(named, path, "travels by the "+marshal+" of what it embeds by pointer, which the receiver does not have",
			w.src.change(named.Obj().Pkg(), "embed it by value"))
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
