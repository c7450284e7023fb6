package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// A pointer that a method returns arrives as a pointer to a copy. That is right for a value
// that the method has made, and wrong for the object itself.

// ownResult refuses results that would be a copy of the object: *T, and interfaces that
// only the shared type implements. Where T is data, *T may be a value that m makes.
func (s judge) ownResult(m *Method, v *Value) *problem {
	t, pointer := Pointee(v.Typ)
	named, _ := t.(*types.Named)
	switch {
	case pointer && types.Identical(t, s.typ):
	case !pointer && named != nil && hasMethods(named) && !isError(named) && s.implemented(named) &&
		!slices.ContainsFunc(s.implementers[named], func(t types.Type) bool { return !types.Identical(t, s.typ) }):
	default:
		return nil
	}
	if s.makesResult(m, v) && s.isData(s.typ) {
		return nil
	}
	p := &problem{label: v.label, reason: "is the shared type itself, and would be a copy of the object", remedy: "return nothing, or the data"}
	if !pointer {
		p.typ = types.TypeString(t, s.Src.qualify)
	}
	return p
}

// copyingNames are methods that by convention return a value of their receiver's type
// that is independent of it.
var copyingNames = []string{"Clone", "Copy", "DeepClone", "DeepCopy"}

// makesResult reports whether result v of m is a value that m has made: by the name of
// m, or by every return statement.
func (s judge) makesResult(m *Method, v *Value) bool {
	if len(m.Params) == 0 && len(m.Results) == 1 && slices.Contains(copyingNames, m.Name) {
		return true
	}
	s.Src.findBody(m)
	return m.body != nil && m.file.makes(m.body, m.resultIndex(v), make(map[*ast.FuncDecl]bool))
}

func (m *Method) resultIndex(v *Value) int {
	i := slices.Index(m.Results, v)
	if m.Fluent {
		i++ // the receiver comes first
	}
	return i
}

// makes reports whether the result at an index of decl is always nil or a pointer to
// memory that decl allocates and stores nowhere else. Functions in seen are being
// judged and taken for no answer.
func (d declarations) makes(decl *ast.FuncDecl, at int, seen map[*ast.FuncDecl]bool) bool {
	if decl.Body == nil || seen[decl] {
		return false
	}
	seen[decl] = true
	defer delete(seen, decl)
	l := assignedIn(decl.Body)
	names := namesIn(decl.Type.Results)
	found := false
	for _, ret := range returnsOf(decl.Body) {
		var made bool
		switch {
		case len(ret.Results) == len(names):
			made = d.isMade(ret.Results[at], decl, l, seen)
		case len(ret.Results) == 0:
			made = d.isMade(ast.NewIdent(names[at]), decl, l, seen)
		}
		if !made {
			return false
		}
		found = true
	}
	return found
}

// isMade reports whether expr, in decl, is nil, a new value or a pointer to one.
func (d declarations) isMade(expr ast.Expr, decl *ast.FuncDecl, l locallyAssigned, seen map[*ast.FuncDecl]bool) bool {
	switch e := ast.Unparen(expr).(type) {
	case *ast.UnaryExpr:
		if e.Op != token.AND {
			return false
		}
		if id, ok := ast.Unparen(e.X).(*ast.Ident); ok {
			return l.declared[id.Name] && !l.kept[id.Name]
		}
		_, composite := ast.Unparen(e.X).(*ast.CompositeLit)
		return composite
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		called := ast.Unparen(unindexed(e.Fun))
		if isIdent(called, "new") {
			return true
		}
		next := d("", calledLast(called))
		if selector, ok := called.(*ast.SelectorExpr); ok {
			id, ok := selector.X.(*ast.Ident)
			if !ok {
				return false
			}
			next = d(parameterType(decl, id.Name), selector.Sel.Name)
		}
		return next != nil && next.Type.Results.NumFields() == 1 && d.makes(next, 0, seen)
	case *ast.Ident:
		if e.Name == "nil" {
			return true
		}
		values, ok := l.values[e.Name]
		if !ok || l.unknown[e.Name] || l.kept[e.Name] {
			return false
		}
		inner := l
		inner.unknown = map[string]bool{e.Name: true} // a variable that is assigned itself is none
		for name := range l.unknown {
			inner.unknown[name] = true
		}
		return !slices.ContainsFunc(values, func(v ast.Expr) bool { return !d.isMade(v, decl, inner, seen) })
	}
	return false
}

// locallyAssigned has the values that variables of a body are given, by their names.
type locallyAssigned struct {
	declared map[string]bool       // as variables of the body
	values   map[string][]ast.Expr // each of them that is seen
	unknown  map[string]bool       // given other values, too
	kept     map[string]bool       // stored in something, so that it may outlive the call
}

func assignedIn(body *ast.BlockStmt) locallyAssigned {
	l := locallyAssigned{make(map[string]bool), make(map[string][]ast.Expr), make(map[string]bool), make(map[string]bool)}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			l.assign(n.Lhs, n.Rhs)
			for _, expr := range n.Lhs {
				if id, ok := expr.(*ast.Ident); ok && n.Tok == token.DEFINE {
					l.declared[id.Name] = true
				}
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				l.declared[id.Name] = true
			}
			l.assign(nodes[ast.Expr](n.Names), n.Values)
		case *ast.RangeStmt:
			for _, expr := range []ast.Expr{n.Key, n.Value} {
				if id, ok := expr.(*ast.Ident); ok {
					l.unknown[id.Name] = true
				}
			}
			if id, ok := n.Value.(*ast.Ident); ok {
				l.values[id.Name] = append(l.values[id.Name], &ast.IndexExpr{X: n.X, Index: n.Key})
			}
		case *ast.CompositeLit:
			for _, expr := range n.Elts {
				if pair, ok := expr.(*ast.KeyValueExpr); ok {
					expr = pair.Value
				}
				l.keep(expr)
			}
		case *ast.SendStmt:
			l.keep(n.Value)
		case *ast.CallExpr:
			if isIdent(n.Fun, "append") {
				for _, arg := range n.Args[min(1, len(n.Args)):] {
					l.keep(arg)
				}
			}
		}
		return true
	})
	return l
}

func (l locallyAssigned) assign(left, right []ast.Expr) {
	for i, expr := range left {
		id, variable := ast.Unparen(expr).(*ast.Ident)
		switch {
		case variable && len(left) == len(right):
			l.values[id.Name] = append(l.values[id.Name], right[i])
		case variable:
			l.unknown[id.Name] = true
			if i == 0 && len(right) == 1 { // v, ok := m[k]
				l.values[id.Name] = append(l.values[id.Name], right[0])
			}
		case len(left) == len(right):
			l.keep(right[i])
		}
	}
}

// keep notes that expr is stored: a variable, or the address of one.
func (l locallyAssigned) keep(expr ast.Expr) {
	expr = ast.Unparen(expr)
	if address, ok := expr.(*ast.UnaryExpr); ok && address.Op == token.AND {
		expr = ast.Unparen(address.X)
	}
	if id, ok := expr.(*ast.Ident); ok {
		l.kept[id.Name] = true
	}
}

// returnsOf returns the return statements of a body, without those of functions in it.
func returnsOf(body *ast.BlockStmt) []*ast.ReturnStmt {
	var list []*ast.ReturnStmt
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			list = append(list, n)
		}
		return true
	})
	return list
}

// noteCopies reports the results of which the caller gets a copy although the object keeps
// the memory behind them: changes to the copy do not reach it.
func (s judge) noteCopies(r *Reporter, m *Method) {
	if !r.Verbose || !slices.ContainsFunc(m.Results, func(v *Value) bool { _, pointer := Pointee(v.Typ); return pointer }) {
		return
	}
	s.Src.findBody(m)
	if m.body == nil || m.body.Body == nil || m.body.Recv == nil {
		return
	}
	receiver := namesIn(m.body.Recv)[0]
	_, live := m.body.Recv.List[0].Type.(*ast.StarExpr)
	l := assignedIn(m.body.Body)
	for _, v := range m.Results {
		if _, pointer := types.Unalias(v.Typ).Underlying().(*types.Pointer); !pointer {
			continue
		}
		i := m.resultIndex(v)
		if slices.ContainsFunc(returnsOf(m.body.Body), func(ret *ast.ReturnStmt) bool {
			return i < len(ret.Results) && l.isKept(ret.Results[i], receiver, live, nil)
		}) {
			r.Report(Note, m.pos, m.Name, v.label+" is a copy of what the object keeps, and changes to it do not reach the object ("+types.TypeString(v.Typ, s.Src.qualify)+")",
				"have a method that makes the change")
		}
	}
}

// isKept reports whether expr is a pointer that the receiver keeps, or one to a part of
// the receiver if that is live, not a copy.
func (l locallyAssigned) isKept(expr ast.Expr, receiver string, live bool, within []string) bool {
	switch e := ast.Unparen(expr).(type) {
	case *ast.UnaryExpr:
		return e.Op == token.AND && live && isPartOf(e.X, receiver)
	case *ast.SelectorExpr, *ast.IndexExpr:
		return isPartOf(e, receiver)
	case *ast.Ident:
		return !slices.Contains(within, e.Name) && slices.ContainsFunc(l.values[e.Name], func(v ast.Expr) bool {
			return l.isKept(v, receiver, live, append(within, e.Name))
		})
	}
	return false
}

// isPartOf reports whether expr is a field or an element of the variable called name,
// at any depth.
func isPartOf(expr ast.Expr, name string) bool {
	x := operand(ast.Unparen(expr))
	return x != nil && (isIdent(ast.Unparen(x), name) || isPartOf(x, name))
}
