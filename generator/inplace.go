package generator

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// writtenParameter returns a parameter that the method fills for its caller
// and that does not come back, or nil. The caller's slice or variable is in
// another process: served as plain data, the method would seem to work and leave
// it as it was.
//
// Methods of other packages are judged by the parameter's name, those of this
// one by their body.
func (m *method) writtenParameter() *value {
	for i, v := range m.params {
		if i == m.context || v.user == "" || v.passing.back != "" {
			continue
		}
		switch types.Unalias(v.typ).Underlying().(type) {
		case *types.Pointer, *types.Slice, *types.Map:
			if m.decl == nil && m.isDestination(v) ||
				m.decl != nil && m.decl.Body != nil && !(m.variadic && i == len(m.params)-1) && writes(m.decl.Body, v.user) {
				return v
			}
		}
	}
	return nil
}

// isDestination recognises Encode(dst, src []byte) by the parameter's name.
// AppendEncode(dst, src []byte) []byte returns what it has written.
func (m *method) isDestination(v *value) bool {
	if v.user != "dst" && v.user != "dest" {
		return false
	}
	return !slices.ContainsFunc(m.results, func(result *value) bool { return types.Identical(result.typ, v.typ) })
}

const (
	readSignature   = "func([]byte) (int, error)"
	readAtSignature = "func([]byte, int64) (int, error)"
)

// fillsByName recognises Read(p []byte) (int, error) and its kin.
func fillsByName(m *method, v *value) bool {
	slice, ok := types.Unalias(v.typ).Underlying().(*types.Slice)
	if !ok || !types.Identical(slice.Elem(), types.Typ[types.Byte]) || len(m.results) == 0 {
		return false
	}
	basic, ok := m.results[0].typ.Underlying().(*types.Basic)
	return ok && basic.Kind() == types.Int && (strings.HasPrefix(m.name, "Read") || strings.HasPrefix(m.name, "Recv"))
}

// fillers are functions that write through their argument at the index.
var fillers = map[string]int{
	"copy": 0, "clear": 0, "delete": 0,
	"io.ReadFull": 1, "io.ReadAtLeast": 1, "json.Unmarshal": 1, "maps.Copy": 0,
	"slices.Reverse": 0, "slices.Sort": 0, "slices.SortFunc": 0, "slices.SortStableFunc": 0,
	"sort.Ints": 0, "sort.Strings": 0, "sort.Float64s": 0, "sort.Slice": 0, "sort.SliceStable": 0,
}

// writes reports whether body writes through the parameter called name before
// it gives that name another value.
func writes(body *ast.BlockStmt, name string) bool {
	found, replaced := false, false
	ast.Inspect(body, func(n ast.Node) bool {
		if found || replaced {
			return false
		}
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				found = found || through(left, name)
				replaced = replaced || isIdent(left, name)
			}
		case *ast.IncDecStmt:
			found = through(n.X, name)
		case *ast.CallExpr:
			if i, ok := fillers[calledName(n.Fun)]; ok && i < len(n.Args) {
				found = isIdent(n.Args[i], name) || through(n.Args[i], name)
			}
		}
		return !found
	})
	return found
}

// through reports whether expr is a place inside what name points to:
// name[i], *name, name.f and what follows from them.
func through(expr ast.Expr, name string) bool {
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
		return through(e.X, name)
	default:
		return false
	}
	if paren, ok := inner.(*ast.ParenExpr); ok {
		inner = paren.X
	}
	return isIdent(inner, name) || through(inner, name)
}

func isIdent(expr ast.Expr, name string) bool {
	id, ok := expr.(*ast.Ident)
	return ok && id.Name == name
}

func calledName(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if pkg, ok := f.X.(*ast.Ident); ok {
			return pkg.Name + "." + f.Sel.Name
		}
	}
	return ""
}
