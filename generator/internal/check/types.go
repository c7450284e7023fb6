package check

import (
	"go/types"
	"iter"
)

// Types yields the shared type, those of parameters, results and constraints, and those
// of the table, and the parts of unnamed ones.
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
	next := parts(t)
	_, basic := t.(*types.Basic)
	if TypeNameOf(t) != nil || basic {
		v.ended = !v.yield(t)
		next = TypeArgs(t).Types()
	}
	for part := range next {
		v.visit(part)
	}
}

// parts yields the types that an unnamed type is made of, as it is written: elements,
// keys before elements, fields, parameters before results, methods before embedded
// interfaces, and the terms of a union. Of a named type it yields none.
func parts(t types.Type) iter.Seq[types.Type] {
	return func(yield func(types.Type) bool) {
		switch t := t.(type) {
		case *types.Map:
			_ = yield(t.Key()) && yield(t.Elem())
		case interface{ Elem() types.Type }: // a pointer, slice, array or channel
			yield(t.Elem())
		case *types.Signature:
			_ = yield(t.Params()) && yield(t.Results())
		case *types.Tuple:
			each(t.Variables(), (*types.Var).Type, yield)
		case *types.Struct:
			each(t.Fields(), (*types.Var).Type, yield)
		case *types.Union:
			each(t.Terms(), (*types.Term).Type, yield)
		case *types.Interface:
			_ = each(t.ExplicitMethods(), (*types.Func).Type, yield) && each(t.EmbeddedTypes(), asItIs, yield)
		}
	}
}

// each yields a type of every element, and returns false if yield does.
func each[E any](list iter.Seq[E], typeOf func(E) types.Type, yield func(types.Type) bool) bool {
	for e := range list {
		if !yield(typeOf(e)) {
			return false
		}
	}
	return true
}

func asItIs(t types.Type) types.Type { return t }

// hasPart reports whether is holds for a part of t.
func hasPart(t types.Type, is func(types.Type) bool) bool {
	for part := range parts(t) {
		if is(part) {
			return true
		}
	}
	return false
}

// Written returns t, or the type behind it if this package cannot name t: the type of an
// alias, or the interface that constrains a type parameter.
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

// namedType is a defined type or an alias.
type namedType interface {
	types.Type
	Obj() *types.TypeName
	TypeArgs() *types.TypeList
	TypeParams() *types.TypeParamList
}

// TypeNameOf returns the name of a defined type or an alias, or nil for other types.
func TypeNameOf(t types.Type) *types.TypeName {
	if n, ok := t.(namedType); ok {
		return n.Obj()
	}
	return nil
}

// TypeArgs returns the type arguments of an instance, or nil for other types.
func TypeArgs(t types.Type) *types.TypeList {
	if n, ok := t.(namedType); ok {
		return n.TypeArgs()
	}
	return nil
}

func typeParams(t types.Type) *types.TypeParamList {
	if n, ok := t.(namedType); ok {
		return n.TypeParams()
	}
	return nil
}
