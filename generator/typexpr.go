package generator

import (
	"fmt"
	"go/types"
	"iter"
	"strconv"

	"github.com/dave/jennifer/jen"
)

// expr writes a type as source, with the names of the file's imports.
func (s *service) expr(t types.Type) *jen.Statement {
	t = s.written(t)
	if tn := typeNameOf(t); tn != nil {
		code := s.object(tn)
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
	case *types.TypeParam:
		return jen.Id(s.names.typeParams[t])
	case *types.Pointer:
		return jen.Op("*").Add(s.expr(t.Elem()))
	case *types.Slice:
		return jen.Index().Add(s.expr(t.Elem()))
	case *types.Array:
		return jen.Index(jen.Lit(int(t.Len()))).Add(s.expr(t.Elem()))
	case *types.Map:
		return jen.Map(s.expr(t.Key())).Add(s.expr(t.Elem()))
	case *types.Chan:
		switch elem := jen.Parens(s.expr(t.Elem())); t.Dir() {
		case types.SendOnly:
			return jen.Chan().Op("<-").Add(elem)
		case types.RecvOnly:
			return jen.Op("<-").Chan().Add(elem)
		default:
			return jen.Chan().Add(elem)
		}
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
	case *types.Signature:
		return jen.Func().Add(s.signature(t))
	case *types.Interface:
		return s.interfaceExpr(t)
	case *types.Union:
		return jen.CustomFunc(jen.Options{Separator: " | "}, func(g *jen.Group) {
			for term := range t.Terms() {
				code := s.expr(term.Type())
				if term.Tilde() {
					code = jen.Op("~").Add(code)
				}
				g.Add(code)
			}
		})
	}
	panic(fmt.Sprintf("generator: no source for a %T", t))
}

// object writes the name of something declared at package level.
func (s *service) object(obj types.Object) *jen.Statement {
	if obj.Pkg() != nil {
		if q := s.names.qualifier(obj.Pkg()); q != "" {
			return jen.Id(q).Dot(obj.Name())
		}
	}
	return jen.Id(obj.Name())
}

// signature writes parameters and results, without their names.
func (s *service) signature(sig *types.Signature) *jen.Statement {
	var params, results []jen.Code
	for i := range sig.Params().Len() {
		t := sig.Params().At(i).Type()
		if slice, ok := t.(*types.Slice); ok && sig.Variadic() && i == sig.Params().Len()-1 {
			params = append(params, jen.Op("...").Add(s.expr(slice.Elem())))
		} else {
			params = append(params, s.expr(t))
		}
	}
	for v := range sig.Results().Variables() {
		results = append(results, s.expr(v.Type()))
	}
	code := jen.Params(params...)
	switch len(results) {
	case 0:
		return code
	case 1:
		return code.Add(results[0])
	}
	return code.Params(results...)
}

// interfaceExpr writes an interface on one line.
func (s *service) interfaceExpr(t *types.Interface) *jen.Statement {
	if t.NumExplicitMethods() == 0 && t.NumEmbeddeds() == 0 {
		return jen.Any()
	}
	return jen.Id("interface").Custom(jen.Options{Open: "{ ", Close: " }", Separator: "; "}, func() (list []jen.Code) {
		for m := range t.ExplicitMethods() {
			list = append(list, jen.Id(m.Name()).Add(s.signature(m.Signature())))
		}
		for embedded := range t.EmbeddedTypes() {
			list = append(list, s.expr(embedded))
		}
		return list
	}()...)
}

// typeConstraint writes what follows a type parameter. Where its first term is a
// pointer, that could be read as a product.
func (s *service) typeConstraint(t types.Type) *jen.Statement {
	i, ok := s.written(t).(*types.Interface)
	if ok && i.IsImplicit() && i.NumEmbeddeds() == 1 && !beginsWithPointer(i.EmbeddedType(0)) {
		return s.expr(i.EmbeddedType(0))
	}
	return s.expr(t)
}

func beginsWithPointer(t types.Type) bool {
	if u, ok := t.(*types.Union); ok {
		if u.Term(0).Tilde() {
			return false
		}
		t = u.Term(0).Type()
	}
	_, ok := t.(*types.Pointer)
	return ok
}

// written looks through what cannot be named here: aliases, and interfaces
// that constrain type parameters.
func (s *service) written(t types.Type) types.Type {
	for {
		tn := typeNameOf(t)
		if tn == nil || s.src.nameable(tn) {
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

// pointee returns the type that t points to, or t itself, without its alias.
func pointee(t types.Type) (elem types.Type, pointer bool) {
	t = types.Unalias(t)
	p, pointer := t.(*types.Pointer)
	if pointer {
		t = types.Unalias(p.Elem())
	}
	return t, pointer
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

func typeParams(t types.Type) *types.TypeParamList {
	switch t := t.(type) {
	case *types.Named:
		return t.TypeParams()
	case *types.Alias:
		return t.TypeParams()
	}
	return nil
}

// writtenTypes yields every type that the generated file writes down: those of
// valueTypes and of the table.
func (s *service) writtenTypes() iter.Seq[types.Type] { return s.types(s.dataTypes) }

// valueTypes yields the shared type and those of parameters, results and
// constraints, and what unnamed ones are made of.
func (s *service) valueTypes() iter.Seq[types.Type] { return s.types(nil) }

func (s *service) types(table []types.Type) iter.Seq[types.Type] {
	return func(yield func(types.Type) bool) {
		v := visitor{s: s, yield: yield}
		v.visit(s.self)
		for _, p := range s.params {
			v.visit(p.Constraint())
		}
		for _, t := range table {
			v.visit(t)
		}
		for _, m := range s.methods {
			v.values(m.params)
			v.values(m.results)
		}
		if s.constructor != nil {
			v.values(s.constructor.params)
		}
	}
}

// visitor follows types as expr does.
type visitor struct {
	s     *service
	yield func(types.Type) bool
	ended bool
}

func (v *visitor) values(values []*value) {
	for _, value := range values {
		v.visit(value.typ)
	}
}

func (v *visitor) visit(t types.Type) {
	if v.ended {
		return
	}
	t = v.s.written(t)
	if typeNameOf(t) != nil {
		v.ended = !v.yield(t)
		for arg := range typeArgs(t).Types() {
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
