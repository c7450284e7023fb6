package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// A type is unknown if only cgo knows its structure, or if a file that is still to
// be generated declares it. Package types gives it the invalid type as the underlying
// type, and takes it for any type: a value of an unknown type implements every interface.
// For the generator it is no data, no error and no implementer.

func isUnknown(t types.Type) bool { return t.Underlying() == types.Typ[types.Invalid] }

// implements reports whether t certainly implements i. Two unknown types in method
// signatures need not be the same.
func implements(t types.Type, i *types.Interface) bool {
	if lacksMethods(i) {
		return false
	}
	for m := range i.Methods() {
		if mentionsInvalid(m.Signature()) {
			return false
		}
	}
	missing, _ := types.MissingMethod(t, i, true)
	return missing == nil
}

// lacksMethods reports whether i embeds an interface whose methods are unknown.
func lacksMethods(i *types.Interface) bool {
	for embedded := range i.EmbeddedTypes() {
		if isUnknown(embedded) {
			return true
		}
		if inner, ok := embedded.Underlying().(*types.Interface); ok && lacksMethods(inner) {
			return true
		}
	}
	return false
}

// reportUnknownPromotions warns of methods that T promotes from types that are
// still to be generated.
func (s collector) reportUnknownPromotions(r *Reporter, t types.Type, within []types.Type) {
	st, ok := t.Underlying().(*types.Struct)
	if !ok || slices.Contains(within, t) {
		return
	}
	for f := range st.Fields() {
		if !f.Embedded() {
			continue
		}
		embedded, _ := Pointee(f.Type())
		if embedded != types.Typ[types.Invalid] {
			s.reportUnknownPromotions(r, embedded, append(within, t))
			continue
		}
		r.Report(r.omission(), s.blamed(f), s.TypeName(), "methods promoted from "+f.Name()+" are not shared: that type does not exist before this file is generated",
			"declare those to be shared on "+types.TypeString(t, s.Src.qualify)+", or give the field a name")
	}
}

// mentionsInvalid reports whether t, as it is written, has an unknown part without
// a name.
func mentionsInvalid(t types.Type) bool {
	for arg := range TypeArgs(t).Types() {
		if mentionsInvalid(arg) {
			return true
		}
	}
	return t == types.Typ[types.Invalid] || TypeNameOf(t) == nil && hasPart(t, mentionsInvalid)
}

// unknown returns why a value of type t cannot travel if t is unknown, or nil. A
// defined type with a codec of its own can.
func (w *walk) unknown(t types.Type, path string) *problem {
	if !isUnknown(t) {
		return nil
	}
	named, _ := t.(*types.Named)
	switch {
	case named == nil:
		return &problem{label: w.label, path: path, reason: notYet, remedy: useGoType, unknown: true}
	case isOfCgo(named):
		return &problem{label: w.label, path: path, typ: types.TypeString(t, w.src.qualify), reason: "has a C type, which generated code cannot name", remedy: useGoType}
	case encodesItself(named):
		return nil
	}
	p := w.refuse(named, path, notYet, w.src.change(named.Obj().Pkg(), "define it by a Go type, or give "+named.Obj().Name()+" MarshalBinary and UnmarshalBinary"))
	written := writtenTypes{w.src.Package}
	if spec := written.specOf(named.Obj()); spec != nil {
		p.reason = written.reason(spec.Type, "is defined by a C type, of which only cgo knows the structure")
		p.typ += ": " + types.ExprString(written.definition(spec.Type, nil))
	}
	return p
}

const (
	notYet    = "has a type that does not exist before this file is generated"
	useGoType = "use a Go type of your own"
)

// writtenAt returns p. If its type is unknown and has no name, p shows the type of the
// variable declared at pos as the package writes it.
func (p *problem) writtenAt(src *Source, pos token.Pos) *problem {
	if !p.unknown {
		return p
	}
	written := writtenTypes{src.Package}
	if expr := written.at(pos); expr != nil {
		p.unknown = false
		p.reason = written.reason(expr, "has a type whose structure only cgo knows")
		p.typ = types.ExprString(expr)
	}
	return p
}

// writtenTypes finds types as the package writes them, since package types knows nothing
// about an unknown type.
type writtenTypes struct{ *load.Package }

// reason returns notYet if expr mentions names that are still to be generated, or else
// cgo.
func (w writtenTypes) reason(expr ast.Expr, cgo string) string {
	missing := false
	ast.Inspect(w.definition(expr, nil), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			return false
		case *ast.Ident:
			missing = missing || w.Types.Scope().Lookup(n.Name) == nil && types.Universe.Lookup(n.Name) == nil
		}
		return true
	})
	if missing || !w.UsesC {
		return notYet
	}
	return cgo
}

// definition follows the name of an unknown type of the package to the expression that
// defines it.
func (w writtenTypes) definition(expr ast.Expr, within []*ast.TypeSpec) ast.Expr {
	id, ok := ast.Unparen(expr).(*ast.Ident)
	if !ok {
		return expr
	}
	tn, ok := w.Types.Scope().Lookup(id.Name).(*types.TypeName)
	if !ok {
		return expr
	}
	spec := w.specOf(tn)
	if spec == nil || slices.Contains(within, spec) {
		return expr
	}
	return w.definition(spec.Type, append(within, spec))
}

// specOf returns the declaration of a type of the package, or nil.
func (w writtenTypes) specOf(tn *types.TypeName) *ast.TypeSpec {
	if file := w.FileOf(tn.Pos()); file != nil {
		for n := range ast.Preorder(file) {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Pos() == tn.Pos() {
				return spec
			}
		}
	}
	return nil
}

// at returns the type of the parameter, result or field that is declared at
// pos, as the package writes it, or nil.
func (w writtenTypes) at(pos token.Pos) (expr ast.Expr) {
	file := w.FileOf(pos)
	if file == nil {
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || field.Pos() > pos || pos >= field.End() {
			return expr == nil
		}
		declares := slices.ContainsFunc(field.Names, func(id *ast.Ident) bool { return id.Pos() == pos })
		if declares || len(field.Names) == 0 {
			expr = field.Type
		}
		return true
	})
	return expr
}

// valueType returns t, the type of the value e, or the one that e names if t is
// unknown: package types rejects Errno(3) if only cgo knows that Errno is a number.
func (w writtenTypes) valueType(t types.Type, e ast.Expr) types.Type {
	if !isUnknown(t) {
		return t
	}
	named := func(e ast.Expr) types.Type {
		if id, ok := ast.Unparen(e).(*ast.Ident); ok {
			if tn, ok := w.Types.Scope().Lookup(id.Name).(*types.TypeName); ok {
				return tn.Type()
			}
		}
		return t
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		if inner := w.valueType(t, e.X); e.Op == token.AND && inner != t {
			return types.NewPointer(inner)
		}
	case *ast.CallExpr:
		return named(e.Fun)
	case *ast.CompositeLit:
		return named(e.Type)
	}
	return t
}

func isOfCgo(named *types.Named) bool {
	return named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == load.CPath
}
