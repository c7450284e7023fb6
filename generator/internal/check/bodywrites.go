package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
)

// An argument is a copy in the daemon. A method whose own body changes memory that is
// reached from a parameter may mean that change for its caller, so its user has to say
// whether it is copied back. The functions that the body calls are not read: LOOPGEN_CHECK=1
// finds their changes when the program is tested.

// judgeWrites refuses a method that changes an argument, unless a directive or a flag
// says whether the change is copied back or stays in the daemon.
func (s judge) judgeWrites(m *Method) *problem {
	for i, v := range m.Params {
		if i == m.Context || v.User == "" || v == m.Options || v.Passing != asValue || !refers(v.Typ) {
			continue
		}
		pos := s.Src.writeThrough(m.fn, i)
		if !pos.IsValid() {
			continue
		}
		p := &problem{label: v.label, typ: types.TypeString(v.Typ, s.Src.qualify),
			reason:  "is changed by the method (" + s.Src.site(m.fn.Pkg(), pos) + "), and the change would stay in the daemon",
			remedy:  "return the data instead",
			instead: "accept that with " + m.say("in", v.User)}
		if isMemory(v.Typ) {
			p.instead = "have it copied back with " + m.say("inout", v.User) + ", or " + p.instead
		}
		return p
	}
	return nil
}

// isMemory reports whether the memory that t itself refers to can be copied back.
func isMemory(t types.Type) bool {
	switch types.Unalias(t).Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
		return true
	}
	return false
}

// writeThrough returns the first place in the body of fn that writes to memory reached
// from the parameter at i, or no position if there is none or the body is not at hand.
func (src *Source) writeThrough(fn *types.Func, i int) token.Pos {
	b := src.Bodies.Of(fn)
	if b == nil {
		return token.NoPos
	}
	var names []*ast.Ident
	for _, field := range b.Decl.Type.Params.List {
		names = append(names, field.Names...)
	}
	if i >= len(names) {
		return token.NoPos
	}
	w := &writeSearch{info: src.Bodies.Check(b)}
	if param := w.info.Defs[names[i]]; param != nil {
		w.in(reached{param: true}, b.Decl.Body)
	}
	return w.found
}

// writeSearch looks for the first write to the memory of a parameter.
type writeSearch struct {
	info  *types.Info
	found token.Pos
}

// reached are the variables whose values share memory with the parameter.
type reached map[types.Object]bool

// in looks through the parts of a scope. Within the scope, a variable that is assigned
// other memory is not reached any more; after it, the variable may have its old value.
func (w *writeSearch) in(outer reached, parts ...ast.Node) {
	inner := maps.Clone(outer)
	for _, part := range parts {
		w.node(part, inner)
	}
	maps.Copy(outer, inner)
}

func (w *writeSearch) node(root ast.Node, vars reached) {
	ast.Inspect(root, func(n ast.Node) bool { return n != nil && !w.found.IsValid() && w.visit(n, vars) })
}

// visit judges a node, and reports whether its parts are still to be visited.
func (w *writeSearch) visit(n ast.Node, vars reached) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		w.in(vars, nodes[ast.Node](n.List)...)
	case *ast.CaseClause:
		w.in(vars, append(nodes[ast.Node](n.List), nodes[ast.Node](n.Body)...)...)
	case *ast.CommClause:
		body := nodes[ast.Node](n.Body)
		if n.Comm != nil {
			body = append([]ast.Node{n.Comm}, body...)
		}
		w.in(vars, body...)
	case *ast.TypeSwitchStmt:
		w.typeSwitch(n, vars)
	case *ast.RangeStmt:
		w.ranges(n, vars)
	case *ast.AssignStmt:
		w.assigns(n.Lhs, n.Rhs, vars)
	case *ast.ValueSpec:
		w.assigns(nodes[ast.Expr](n.Names), n.Values, vars)
	case *ast.IncDecStmt:
		w.writes(n.X, vars)
		return true
	case *ast.CallExpr:
		w.calls(n, vars)
		return true
	default:
		return true
	}
	return false
}

// typeSwitch gives the variable that each clause has the memory of the switch's operand.
func (w *writeSearch) typeSwitch(n *ast.TypeSwitchStmt, vars reached) {
	if n.Init != nil {
		w.node(n.Init, vars)
	}
	if assign, ok := n.Assign.(*ast.AssignStmt); ok && w.reaches(assign.Rhs[0], vars) {
		for _, clause := range n.Body.List {
			if obj := w.info.Implicits[clause]; obj != nil && refers(obj.Type()) {
				vars[obj] = true
			}
		}
	}
	w.node(n.Body, vars)
}

func (w *writeSearch) ranges(n *ast.RangeStmt, vars reached) {
	w.node(n.X, vars)
	from := w.reaches(n.X, vars)
	for _, left := range []ast.Expr{n.Key, n.Value} {
		if left != nil {
			w.assign(left, from && w.mayRefer(left), vars)
		}
	}
	w.node(n.Body, vars)
}

func (w *writeSearch) assigns(left, right []ast.Expr, vars reached) {
	shared := make([]bool, len(left))
	for i, expr := range right {
		w.node(expr, vars)
		if i < len(left) { // v, ok := x.(T) gives its memory to v
			shared[i] = w.reaches(expr, vars)
		}
	}
	for i, expr := range left {
		w.assign(expr, shared[i], vars)
	}
}

// assign judges an assignment to expr of a value that shares the memory, or of another.
func (w *writeSearch) assign(expr ast.Expr, shared bool, vars reached) {
	id, ok := ast.Unparen(expr).(*ast.Ident)
	if !ok {
		w.writes(expr, vars)
		w.node(expr, vars)
		return
	}
	if obj := w.info.ObjectOf(id); obj != nil && shared {
		vars[obj] = true
	} else if obj != nil {
		delete(vars, obj)
	}
}

// calls judges a call: built-in functions that write, and methods that get the address of
// a part of the memory, or a map of it, as their receiver.
func (w *writeSearch) calls(call *ast.CallExpr, vars reached) {
	fun := ast.Unparen(call.Fun)
	if id, ok := fun.(*ast.Ident); ok && len(call.Args) > 0 {
		if b, ok := w.info.Uses[id].(*types.Builtin); ok && slices.Contains([]string{"append", "clear", "copy", "delete"}, b.Name()) && w.reaches(call.Args[0], vars) {
			w.find(call.Pos())
		}
		return
	}
	selector, ok := fun.(*ast.SelectorExpr)
	if !ok || w.info.Selections[selector] == nil {
		return
	}
	fn, ok := w.info.Selections[selector].Obj().(*types.Func)
	if !ok {
		return
	}
	switch fn.Signature().Recv().Type().Underlying().(type) {
	case *types.Pointer, *types.Map:
		if w.reaches(selector.X, vars) || w.isPlace(selector.X, vars) {
			w.find(call.Pos())
		}
	}
}

// writes judges a write to the place expr.
func (w *writeSearch) writes(expr ast.Expr, vars reached) {
	if w.isPlace(expr, vars) {
		w.find(expr.Pos())
	}
}

func (w *writeSearch) find(pos token.Pos) {
	if !w.found.IsValid() {
		w.found = pos
	}
}

// isPlace reports whether expr is a place in the memory: *p, p.f, p[i] and the places in
// these. A field of a struct, or an element of an array, that is a variable of the
// method is none.
func (w *writeSearch) isPlace(expr ast.Expr, vars reached) bool {
	switch e := ast.Unparen(expr).(type) {
	case *ast.StarExpr:
		return w.reaches(e.X, vars)
	case *ast.IndexExpr:
		if t := w.typeOf(e.X); t != nil {
			if _, array := t.Underlying().(*types.Array); array {
				return w.isPlace(e.X, vars)
			}
		}
		return w.reaches(e.X, vars)
	case *ast.SelectorExpr:
		if s := w.info.Selections[e]; s != nil && !s.Indirect() {
			return w.isPlace(e.X, vars)
		}
		return w.reaches(e.X, vars)
	}
	return false
}

// reaches reports whether the value of expr refers to the memory.
func (w *writeSearch) reaches(expr ast.Expr, vars reached) bool {
	if !w.mayRefer(expr) {
		return false
	}
	switch e := ast.Unparen(expr).(type) {
	case *ast.Ident:
		return vars[w.info.Uses[e]]
	case *ast.SelectorExpr, *ast.IndexExpr, *ast.StarExpr, *ast.TypeAssertExpr:
		return w.reaches(operand(e), vars)
	case *ast.SliceExpr:
		return w.reaches(e.X, vars) || w.isPlace(e.X, vars) // of an array
	case *ast.UnaryExpr:
		return e.Op == token.AND && (w.reaches(e.X, vars) || w.isPlace(e.X, vars))
	case *ast.KeyValueExpr:
		return w.reaches(e.Value, vars)
	case *ast.CompositeLit:
		return slices.ContainsFunc(e.Elts, func(e ast.Expr) bool { return w.reaches(e, vars) })
	case *ast.CallExpr:
		id, _ := ast.Unparen(e.Fun).(*ast.Ident)
		b, _ := w.info.Uses[id].(*types.Builtin)
		switch {
		case w.info.Types[e.Fun].IsType() && len(e.Args) == 1:
			return w.reaches(e.Args[0], vars)
		case b != nil && b.Name() == "append" && len(e.Args) > 0:
			return w.reaches(e.Args[0], vars) || w.appends(e, vars)
		}
	}
	return false
}

// appends reports whether an append adds elements that refer to the memory. Elements of a
// slice are copied.
func (w *writeSearch) appends(call *ast.CallExpr, vars reached) bool {
	if t := w.typeOf(call); call.Ellipsis.IsValid() && t != nil {
		if slice, ok := t.Underlying().(*types.Slice); ok && !refers(slice.Elem()) {
			return false
		}
	}
	return slices.ContainsFunc(call.Args[1:], func(arg ast.Expr) bool { return w.reaches(arg, vars) })
}

// mayRefer reports whether values of the type of expr refer to memory, or that type is
// not known.
func (w *writeSearch) mayRefer(expr ast.Expr) bool {
	t := w.typeOf(expr)
	return t == nil || refers(t)
}

// typeOf returns the type of expr, or nil if it is not known, or has a second value, as
// p[i] in v, ok := p[i].
func (w *writeSearch) typeOf(expr ast.Expr) types.Type {
	t := w.info.TypeOf(expr)
	if _, several := t.(*types.Tuple); several || t == types.Typ[types.Invalid] {
		return nil
	}
	return t
}
