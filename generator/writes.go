package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// writes looks for places where functions write through a parameter: into the
// slice or map, or into what the pointer points to. It knows no types inside of
// bodies. It goes into functions that the parameter is handed on to as far as
// their source is at hand; others are taken to read only.
type writes struct {
	file  declarations // functions it can go into
	slice bool         // the parameter is a slice
	deep  bool         // the parameter's elements are pointers, slices or maps
	// methods is set if a method called on the parameter may change it. It is not
	// for interfaces, of which other things are called.
	methods bool
	// escapes is set for pointers to plain values in packages of others: who hands
	// one on or keeps it, as flag.BoolVar does, is going to write through it.
	escapes  bool
	handedOn bool // that is what was found

	decl *ast.FuncDecl // where it is
	seen map[visit]bool
}

type visit struct {
	decl  *ast.FuncDecl
	param string
}

// aliases are the names of variables that share memory with the parameter.
type aliases map[string]bool

// newWrites returns a search for writes through the parameter at i.
func (m *method) newWrites(i int) *writes {
	w := &writes{file: m.file, seen: make(map[visit]bool)}
	var elem types.Type
	switch u := types.Unalias(m.params[i].typ).Underlying().(type) {
	case *types.Pointer:
		elem = u.Elem()
		w.escapes = m.decl == nil && isPlainPointer(m.fn.Origin().Signature().Params().At(i).Type())
	case *types.Slice:
		w.slice, elem = true, u.Elem()
	case *types.Map:
		elem = u.Elem()
	default:
		return w
	}
	w.methods, w.deep = true, canBeFilled(elem) && !w.escapes
	return w
}

// isPlainPointer reports whether t points to something else than a struct or
// what a type parameter stands for.
func isPlainPointer(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return false
	}
	if _, ok := types.Unalias(p.Elem()).(*types.TypeParam); ok {
		return false
	}
	_, structure := p.Elem().Underlying().(*types.Struct)
	return !structure
}

// function reports whether decl writes through its parameter or receiver called
// param.
func (w *writes) function(decl *ast.FuncDecl, param string) bool {
	if decl.Body == nil || w.seen[visit{decl, param}] {
		return false
	}
	w.seen[visit{decl, param}] = true
	outer := w.decl
	w.decl = decl
	defer func() { w.decl = outer }()
	return w.in(aliases{param: true}, decl.Body)
}

// in looks through parts of a scope of its own. An assignment in it that gives a
// variable another value holds to its end: afterwards the variable may still be
// what it was.
func (w *writes) in(outer aliases, parts ...ast.Node) bool {
	inner := maps.Clone(outer)
	for _, part := range parts {
		if part != nil && w.node(part, inner) {
			return true
		}
	}
	maps.Copy(outer, inner)
	return false
}

func (w *writes) node(root ast.Node, names aliases) bool {
	found := false
	ast.Inspect(root, func(n ast.Node) bool {
		if found {
			return false
		}
		switch n := n.(type) {
		case *ast.BlockStmt:
			found = w.in(names, nodes(n.List)...)
		case *ast.CaseClause:
			found = w.in(names, append(nodes(n.List), nodes(n.Body)...)...)
		case *ast.CommClause:
			found = w.in(names, append([]ast.Node{n.Comm}, nodes(n.Body)...)...)
		case *ast.IfStmt:
			found = w.in(names, n.Init, n.Cond, n.Body, n.Else)
		case *ast.ForStmt:
			found = w.in(names, n.Init, n.Cond, n.Body, n.Post)
		case *ast.SwitchStmt:
			found = w.in(names, append([]ast.Node{n.Init, n.Tag}, nodes(n.Body.List)...)...)
		case *ast.TypeSwitchStmt:
			found = w.in(names, append([]ast.Node{n.Init, n.Assign}, nodes(n.Body.List)...)...)
		case *ast.RangeStmt:
			found = w.ranges(n, names)
		case *ast.FuncLit:
			inner := maps.Clone(names)
			for _, name := range parameterNames(n.Type) {
				delete(inner, name)
			}
			found = w.node(n.Body, inner)
		case *ast.AssignStmt:
			found = w.assigns(n.Lhs, n.Rhs, names)
		case *ast.ValueSpec:
			found = w.assigns(slices.Collect(expressions(n.Names)), n.Values, names)
		default:
			found = w.writesItself(n, names)
			return !found
		}
		return false
	})
	return found
}

// writesItself judges what has no scope: the search goes on in its parts.
func (w *writes) writesItself(n ast.Node, names aliases) bool {
	switch n := n.(type) {
	case *ast.IncDecStmt:
		return w.through(n.X, names)
	case *ast.ExprStmt:
		// What is called for its effect alone has one; methods of the same package
		// are judged by their source or not at all.
		call, ok := n.X.(*ast.CallExpr)
		if !ok || !w.methods {
			return false
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !w.same(selector.X, names) {
			return false
		}
		id, ok := selector.X.(*ast.Ident)
		return !ok || parameterType(w.decl, id.Name) == load.Unnamed
	case *ast.CallExpr:
		return w.calls(n, names)
	case *ast.SendStmt:
		return w.escape(names, n.Value)
	case *ast.KeyValueExpr:
		return w.escape(names, n.Value)
	case *ast.CompositeLit:
		return w.escape(names, n.Elts...)
	}
	return false
}

// escape reports whether one of exprs is the pointer itself, which is out of sight
// from there on.
func (w *writes) escape(names aliases, exprs ...ast.Expr) bool {
	w.handedOn = w.escapes && slices.ContainsFunc(exprs, func(e ast.Expr) bool { return w.same(e, names) })
	return w.handedOn
}

func (w *writes) ranges(n *ast.RangeStmt, names aliases) bool {
	inner := maps.Clone(names)
	if w.node(n.X, inner) || n.Key != nil && w.through(n.Key, names) || n.Value != nil && w.through(n.Value, names) {
		return true
	}
	elements := w.deep && w.same(n.X, names)
	for _, left := range []ast.Expr{n.Key, n.Value} {
		if id, ok := left.(*ast.Ident); ok {
			delete(inner, id.Name)
		}
	}
	if id, ok := n.Value.(*ast.Ident); ok && elements {
		inner[id.Name] = true
	}
	found := w.in(inner, n.Body)
	maps.Copy(names, inner)
	return found
}

// assigns judges an assignment, and keeps names right: a variable that gets
// other memory than the parameter's is none of them any more.
func (w *writes) assigns(left, right []ast.Expr, names aliases) bool {
	for _, expr := range right {
		if w.node(expr, names) {
			return true
		}
	}
	shared := make([]bool, len(left))
	for i, expr := range left {
		switch {
		case len(left) == len(right):
			shared[i] = w.same(right[i], names)
		case i == 0 && len(right) == 1:
			_, asserted := right[0].(*ast.TypeAssertExpr)
			shared[i] = asserted && w.same(right[0], names)
		}
		_, variable := expr.(*ast.Ident)
		if w.through(expr, names) || !variable && (shared[i] && w.escape(names, right[min(i, len(right)-1)]) || w.node(expr, names)) {
			return true
		}
	}
	for i, expr := range left {
		if id, ok := expr.(*ast.Ident); ok && shared[i] && id.Name != "_" {
			names[id.Name] = true
		} else if ok {
			delete(names, id.Name)
		}
	}
	return false
}

// same reports whether expr shares the memory of one of names.
func (w *writes) same(expr ast.Expr, names aliases) bool {
	switch e := expr.(type) {
	case *ast.Ident:
		return names[e.Name]
	case *ast.ParenExpr:
		return w.same(e.X, names)
	case *ast.SliceExpr:
		return w.same(e.X, names)
	case *ast.TypeAssertExpr:
		return w.same(e.X, names)
	case *ast.UnaryExpr:
		return e.Op == token.AND && w.reaches(e.X, names)
	case *ast.CallExpr:
		return isConversion(e) && w.same(e.Args[0], names)
	case *ast.IndexExpr:
		return w.deep && w.same(e.X, names)
	case *ast.StarExpr:
		return w.deep && w.same(e.X, names)
	}
	return false
}

// through reports whether expr is a place inside what one of names points to:
// name[i], *name, name.f and what follows from them.
func (w *writes) through(expr ast.Expr, names aliases) bool {
	var inner ast.Expr
	switch e := expr.(type) {
	case *ast.IndexExpr:
		inner = e.X
	case *ast.SliceExpr:
		inner = e.X
	case *ast.StarExpr:
		inner = e.X
	case *ast.SelectorExpr:
		inner = e.X
	case *ast.ParenExpr:
		return w.through(e.X, names)
	default:
		return false
	}
	return w.reaches(inner, names)
}

// reaches reports whether expr is the memory of one of names or a place in it.
func (w *writes) reaches(expr ast.Expr, names aliases) bool {
	return w.same(expr, names) || w.through(expr, names)
}
