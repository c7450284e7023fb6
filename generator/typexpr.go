package generator

import (
	"fmt"
	"go/types"
	"iter"
	"strconv"

	"github.com/dave/jennifer/jen"
)

// expr writes a type as source, with the names of the file's imports. It
// knows what data can be made of, and contexts; anything else was refused
// before.
func (s *service) expr(t types.Type) *jen.Statement {
	t = s.written(t)
	if tn := typeNameOf(t); tn != nil {
		code := jen.Id(tn.Name())
		if tn.Pkg() != nil {
			if q := s.names.qualifier(tn.Pkg()); q != "" {
				code = jen.Id(q).Dot(tn.Name())
			}
		}
		if args := typeArgs(t); args.Len() > 0 {
			code = code.TypesFunc(func(g *jen.Group) {
				for arg := range args.Types() {
					g.Add(s.expr(arg))
				}
			})
		}
		return code
	}
	switch t := t.(type) {
	case *types.Basic:
		return jen.Id(t.Name())
	case *types.Pointer:
		return jen.Op("*").Add(s.expr(t.Elem()))
	case *types.Slice:
		return jen.Index().Add(s.expr(t.Elem()))
	case *types.Array:
		return jen.Index(jen.Lit(int(t.Len()))).Add(s.expr(t.Elem()))
	case *types.Map:
		return jen.Map(s.expr(t.Key())).Add(s.expr(t.Elem()))
	case *types.Interface:
		return jen.Interface() // one with methods has a name
	case *types.Struct:
		return jen.StructFunc(func(g *jen.Group) {
			for i := range t.NumFields() {
				f := t.Field(i)
				var code *jen.Statement
				if f.Embedded() {
					code = g.Add(s.expr(f.Type()))
				} else {
					code = g.Id(f.Name()).Add(s.expr(f.Type()))
				}
				if tag := t.Tag(i); tag != "" && strconv.CanBackquote(tag) {
					code.Op("`" + tag + "`")
				} else if tag != "" {
					code.Lit(tag)
				}
			}
		})
	}
	panic(fmt.Sprintf("generator: no source for a %T, which the rules should have refused", t))
}

// written looks through aliases that cannot be named here.
func (s *service) written(t types.Type) types.Type {
	for {
		alias, ok := t.(*types.Alias)
		if !ok || s.src.nameable(alias.Obj()) {
			return t
		}
		t = alias.Rhs()
	}
}

func typeNameOf(t types.Type) *types.TypeName {
	switch t := t.(type) {
	case *types.Named:
		return t.Obj()
	case *types.Alias:
		return t.Obj()
	}
	return nil
}

func typeArgs(t types.Type) *types.TypeList {
	switch t := t.(type) {
	case *types.Named:
		return t.TypeArgs()
	case *types.Alias:
		return t.TypeArgs()
	}
	return nil
}

// writtenTypes yields every type that the generated file writes down: those of
// parameters, results and the table, and what unnamed ones are made of.
func (s *service) writtenTypes() iter.Seq[types.Type] { return s.types(s.dataTypes) }

// valueTypes yields those of parameters and results only.
func (s *service) valueTypes() iter.Seq[types.Type] { return s.types(nil) }

func (s *service) types(table []types.Type) iter.Seq[types.Type] {
	return func(yield func(types.Type) bool) {
		more := true
		var visit func(t types.Type)
		visit = func(t types.Type) {
			if !more {
				return
			}
			t = s.written(t)
			if typeNameOf(t) != nil {
				more = yield(t)
				for arg := range typeArgs(t).Types() {
					visit(arg)
				}
				return
			}
			switch t := t.(type) {
			case *types.Basic:
				more = yield(t)
			case *types.Pointer:
				visit(t.Elem())
			case *types.Slice:
				visit(t.Elem())
			case *types.Array:
				visit(t.Elem())
			case *types.Map:
				visit(t.Key())
				visit(t.Elem())
			case *types.Struct:
				for f := range t.Fields() {
					visit(f.Type())
				}
			}
		}
		for _, t := range table {
			visit(t)
		}
		for _, m := range s.methods {
			for _, v := range m.params {
				visit(v.typ)
			}
			for _, v := range m.results {
				visit(v.typ)
			}
		}
		if s.constructor != nil {
			for _, v := range s.constructor.params {
				visit(v.typ)
			}
		}
	}
}
