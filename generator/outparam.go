package generator

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// filledInterface returns a parameter of type any that is there for a pointer
// which the method writes through, as that of Unmarshal(data []byte, v any), or
// nil. Served as data, it would be a copy that is filled and thrown away.
func (m *method) filledInterface() *value {
	for i, v := range m.params {
		if i == m.context || !holdsAnything(v.typ, m.variadic && i == len(m.params)-1) {
			continue
		}
		if m.fillsByMeaning(v) || m.decl != nil && m.decl.Body != nil && v.user != "" && handsOn(m.decl.Body, v.user) {
			return v
		}
	}
	return nil
}

func holdsAnything(t types.Type, variadic bool) bool {
	if slice, ok := types.Unalias(t).Underlying().(*types.Slice); ok && variadic {
		t = slice.Elem()
	}
	i, ok := types.Unalias(t).Underlying().(*types.Interface)
	return ok && i.Empty()
}

// fillsByMeaning recognises such parameters by what method and parameter are
// called.
func (m *method) fillsByMeaning(v *value) bool {
	switch v.user {
	case "dest", "dst", "out", "into", "ptr", "target", "result", "results", "reply":
		return true
	case "v", "val", "value":
		// Get(key, v) returns nothing else; Set and Put take what they get.
		return startsWith(m.name, "Get", "Load", "Fetch", "Find", "Lookup") && len(m.results) == 0 ||
			startsWith(m.name, fillingVerbs...)
	}
	return startsWith(m.name, fillingVerbs...)
}

// fillingVerbs begin the names of functions that write through an argument.
var fillingVerbs = []string{"Decode", "Unmarshal", "Scan"}

// startsWith reports whether name begins with a verb, as ScanRow does with
// Scan and Scanner does not.
func startsWith(name string, verbs ...string) bool {
	return slices.ContainsFunc(verbs, func(verb string) bool {
		rest, ok := strings.CutPrefix(name, verb)
		return ok && (rest == "" || rest == "f" || rest == "ln" || ast.IsExported(rest))
	})
}

// handsOn reports whether body gives the parameter called name to a function
// that writes through it, or does so itself: *name.(*T) = x, or by way of a
// variable that name.(*T) was given to.
func handsOn(body *ast.BlockStmt, name string) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			called := calledLast(n.Fun)
			fills := startsWith(upperFirst(called), fillingVerbs...) || called == "As"
			found = found || fills && slices.ContainsFunc(n.Args, func(arg ast.Expr) bool { return isIdent(arg, name) })
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if star, ok := left.(*ast.StarExpr); ok {
					found = found || isAsserted(star.X, name)
				}
			}
			if len(n.Rhs) == 1 && isAsserted(n.Rhs[0], name) {
				id, ok := n.Lhs[0].(*ast.Ident)
				found = found || ok && id.Name != name && writes(body, n.End(), id.Name, false)
			}
		}
		return !found
	})
	return found
}

// isAsserted reports whether expr is name.(T) or name.(type).
func isAsserted(expr ast.Expr, name string) bool {
	assert, ok := expr.(*ast.TypeAssertExpr)
	return ok && isIdent(assert.X, name)
}

// calledLast is the name of the function or method that a call is of.
func calledLast(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}
