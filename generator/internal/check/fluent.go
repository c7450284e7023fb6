package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// isFluent reports whether the first result of m is always its receiver, so that
// calls can be chained: f.Add(x).Add(y). A copy of the object would lose the second
// call. A client can return itself instead; a proxy, whose result must be a *T, can
// not. Of a promoted method a receiver that is data remains data.
//
// Close is none: by default it ends the handle and calls nothing.
func (s judge) isFluent(m *Method) bool {
	sig := m.fn.Signature()
	if sig.Results().Len() == 0 || m.Name == "Close" {
		return false
	}
	t := sig.Recv().Type()
	if !isMemory(t) || !types.Identical(sig.Results().At(0).Type(), t) || m.from != "" && s.isData(t) {
		return false
	}
	s.Src.findBody(m)
	return m.body != nil && m.file.returnsReceiver(m.body, make(map[*ast.FuncDecl]bool))
}

// returnsReceiver reports whether the first result of the method decl is its
// receiver: every return statement names it, or calls a method on it that returns its
// receiver, and it keeps its value. The methods in seen are being judged, and taken to
// return their receivers, so that methods may call each other.
func (d declarations) returnsReceiver(decl *ast.FuncDecl, seen map[*ast.FuncDecl]bool) bool {
	if seen[decl] {
		return true
	}
	seen[decl] = true
	if decl.Recv == nil || decl.Body == nil {
		return false
	}
	names := namesIn(decl.Recv)
	receiver := names[0]
	if results := namesIn(decl.Type.Results); len(results) > 0 && results[0] != "_" {
		names = append(names, results[0])
	}
	if changesAny(decl.Body, names) {
		return false
	}
	return !slices.ContainsFunc(returnsOf(decl.Body), func(ret *ast.ReturnStmt) bool {
		return len(ret.Results) == 0 || !d.isReceiver(ret.Results[0], decl, receiver, seen)
	})
}

func (d declarations) isReceiver(expr ast.Expr, decl *ast.FuncDecl, receiver string, seen map[*ast.FuncDecl]bool) bool {
	expr = ast.Unparen(expr)
	if call, ok := expr.(*ast.CallExpr); ok {
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !isIdent(selector.X, receiver) {
			return false
		}
		next := d(parameterType(decl, receiver), selector.Sel.Name)
		return next != nil && d.returnsReceiver(next, seen)
	}
	return isIdent(expr, receiver)
}

// changesAny reports whether body may give one of the variables called names
// another value, or has another one of that name, or recovers from a panic, after
// which all results are zero.
func changesAny(body *ast.BlockStmt, names []string) bool {
	found := false
	named := func(exprs ...ast.Expr) {
		found = found || slices.ContainsFunc(exprs, func(e ast.Expr) bool {
			id, ok := ast.Unparen(e).(*ast.Ident)
			return ok && slices.Contains(names, id.Name)
		})
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			named(n.Lhs...)
		case *ast.RangeStmt:
			named(n.Key, n.Value)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				named(n.X)
			}
		case *ast.ValueSpec:
			named(nodes[ast.Expr](n.Names)...)
		case *ast.Field:
			named(nodes[ast.Expr](n.Names)...)
		case *ast.CallExpr:
			found = found || isIdent(n.Fun, "recover")
		}
		return !found
	})
	return found
}
