package check

import (
	"go/types"
	"iter"
)

// Types yields the shared type, those of parameters, results and constraints, and those
// of the table, and what unnamed ones are made of.
func (s *Service) Types(table []types.Type) iter.Seq[types.Type] {
	return func(yield func(types.Type) bool) {
		v := visitor{src: s.Src, yield: yield}
		v.visit(s.Self)
		for _, p := range s.Params {
			v.visit(p.Constraint())
		}
		for _, t := range table {
			v.visit(t)
		}
		for _, m := range s.Methods {
			v.values(m.Params)
			v.values(m.Results)
		}
		if s.Constructor != nil {
			v.values(s.Constructor.Params)
		}
	}
}

// visitor follows types as generated code writes them.
type visitor struct {
	src   *Source
	yield func(types.Type) bool
	ended bool
}

func (v *visitor) values(values []*Value) {
	for _, value := range values {
		v.visit(value.Typ)
	}
}

func (v *visitor) visit(t types.Type) {
	if v.ended {
		return
	}
	t = v.src.Written(t)
	if TypeNameOf(t) != nil {
		v.ended = !v.yield(t)
		for arg := range TypeArgs(t).Types() {
			v.visit(arg)
		}
		return
	}
	switch t := t.(type) {
	case *types.Basic:
		v.ended = !v.yield(t)
	case *types.Pointer:
		v.visit(t.Elem())
	case *types.Slice:
		v.visit(t.Elem())
	case *types.Array:
		v.visit(t.Elem())
	case *types.Chan:
		v.visit(t.Elem())
	case *types.Map:
		v.visit(t.Key())
		v.visit(t.Elem())
	case *types.Struct:
		for f := range t.Fields() {
			v.visit(f.Type())
		}
	case *types.Signature:
		for _, tuple := range []*types.Tuple{t.Params(), t.Results()} {
			for p := range tuple.Variables() {
				v.visit(p.Type())
			}
		}
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			v.visit(m.Signature())
		}
		for embedded := range t.EmbeddedTypes() {
			v.visit(embedded)
		}
	case *types.Union:
		for term := range t.Terms() {
			v.visit(term.Type())
		}
	}
}

// Written looks through what cannot be named here: aliases, and interfaces
// that constrain type parameters.
func (src *Source) Written(t types.Type) types.Type {
	for {
		tn := TypeNameOf(t)
		if tn == nil || src.nameable(tn) {
			return t
		}
		if alias, ok := t.(*types.Alias); ok {
			t = alias.Rhs()
		} else if i, ok := t.Underlying().(*types.Interface); ok {
			t = i
		} else {
			return t
		}
	}
}

// Pointee returns the type that t points to, or t itself, without its alias.
func Pointee(t types.Type) (elem types.Type, pointer bool) {
	t = types.Unalias(t)
	p, pointer := t.(*types.Pointer)
	if pointer {
		t = types.Unalias(p.Elem())
	}
	return t, pointer
}

func TypeNameOf(t types.Type) *types.TypeName {
	switch t := t.(type) {
	case *types.Named:
		return t.Obj()
	case *types.Alias:
		return t.Obj()
	}
	return nil
}

func TypeArgs(t types.Type) *types.TypeList {
	switch t := t.(type) {
	case *types.Named:
		return t.TypeArgs()
	case *types.Alias:
		return t.TypeArgs()
	}
	return nil
}

func typeParams(t types.Type) *types.TypeParamList {
	switch t := t.(type) {
	case *types.Named:
		return t.TypeParams()
	case *types.Alias:
		return t.TypeParams()
	}
	return nil
}
