package generator

import (
	"go/ast"
	"go/token"
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
		underlying := types.Unalias(v.typ).Underlying()
		switch underlying.(type) {
		case *types.Pointer, *types.Slice, *types.Map:
			if m.decl == nil && m.isDestination(v) {
				return v
			}
			_, slice := underlying.(*types.Slice)
			if m.decl != nil && m.decl.Body != nil && !(m.variadic && i == len(m.params)-1) && writes(m.decl.Body, token.NoPos, v.user, slice) {
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
	"io.ReadFull": 1, "io.ReadAtLeast": 1, "json.Unmarshal": 1, "xml.Unmarshal": 1, "hex.Decode": 0, "hex.Encode": 0, "maps.Copy": 0,
	"slices.Reverse": 0, "slices.Sort": 0, "slices.SortFunc": 0, "slices.SortStableFunc": 0,
	"sort.Ints": 0, "sort.Strings": 0, "sort.Float64s": 0, "sort.Slice": 0, "sort.SliceStable": 0,
}

// fillingMethods are those that write through their first argument, if it is a
// slice or else a pointer, whatever they are called on: readers and decoders.
var fillingMethods = map[bool][]string{
	true:  {"PutUint16", "PutUint32", "PutUint64", "Read", "ReadAt"},
	false: {"Decode", "Scan"},
}

// fills reports whether call writes through the variable called name.
func fills(call *ast.CallExpr, name string, slice bool) bool {
	at, ok := fillers[calledName(call.Fun)]
	if selector, isMethod := call.Fun.(*ast.SelectorExpr); !ok && isMethod {
		ok = slices.Contains(fillingMethods[slice], selector.Sel.Name)
	}
	return ok && at < len(call.Args) && (isIdent(call.Args[at], name) || through(call.Args[at], name))
}

// writes reports whether body writes, behind the place from, through the variable
// called name before it gives that name another value.
func writes(body *ast.BlockStmt, from token.Pos, name string, slice bool) bool {
	found, replaced := false, false
	ast.Inspect(body, func(n ast.Node) bool {
		if found || replaced {
			return false
		}
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Pos() < from {
				break
			}
			for i, left := range n.Lhs {
				found = found || through(left, name)
				replaced = replaced || isIdent(left, name)
				if alias, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE && len(n.Lhs) == len(n.Rhs) && sameMemory(n.Rhs[i], name) {
					found = found || alias.Name != name && writes(body, n.End(), alias.Name, slice)
				}
			}
		case *ast.IncDecStmt:
			found = through(n.X, name)
		case *ast.CallExpr:
			found = fills(n, name, slice)
		}
		return !found
	})
	return found
}

// sameMemory reports whether expr is name or a part of it that shares its memory.
func sameMemory(expr ast.Expr, name string) bool {
	if slice, ok := expr.(*ast.SliceExpr); ok {
		expr = slice.X
	}
	return isIdent(expr, name)
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
