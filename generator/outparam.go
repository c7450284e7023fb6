package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// filledInterface returns a parameter of type any that is there for a pointer
// which the method writes through, as that of Unmarshal(data []byte, v any), or
// nil. Served as data, it would be a copy that is filled and thrown away.
func (src *source) filledInterface(m *method) *value {
	for i, v := range m.params {
		if i == m.context || !holdsAnything(v.typ, m.variadic && i == len(m.params)-1) {
			continue
		}
		src.findBody(m)
		seen := m.body != nil && m.body.Body != nil && v.user != ""
		if !m.scans(v) && (m.fillsByMeaning(v) || seen && handsOn(m.body.Body, v.user)) || seen && m.newWrites(i).function(m.body, v.user) {
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

// scans recognises the Scan method of database/sql.Scanner, which takes what its
// parameter holds: by the parameter's name, or by a body that uses it as a scanner does.
func (m *method) scans(v *value) bool {
	if m.name != "Scan" || len(m.params) != 1 || m.variadic || len(m.results) > 0 || !m.fails {
		return false
	}
	return v.user == "src" || v.user == "value" || v.user != "" && m.body != nil && m.body.Body != nil && onlyRead(m.body.Body, v.user)
}

// onlyRead reports whether body uses the interface value called name only to find out
// what it holds, other than pointers, and to print it.
func onlyRead(body *ast.BlockStmt, name string) bool {
	read := make(map[ast.Expr]bool)
	names := []string{name} // and those that type switches give it where they do not know more
	used, pointers := false, false
	hasPointer := func(types ...ast.Expr) {
		pointers = pointers || slices.ContainsFunc(types, func(t ast.Expr) bool { return isPointerType(t) })
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeAssertExpr:
			if read[n.X] = true; n.Type != nil && isIdent(n.X, name) {
				hasPointer(n.Type)
			}
		case *ast.TypeSwitchStmt:
			assign, ok := n.Assign.(*ast.AssignStmt)
			if ok {
				read[assign.Lhs[0]] = true
				names = append(names, assign.Lhs[0].(*ast.Ident).Name)
			}
			for _, stmt := range n.Body.List {
				clause := stmt.(*ast.CaseClause)
				hasPointer(clause.List...)
				if len(clause.List) != 1 {
					continue // the variable is still an interface
				}
				for _, stmt := range clause.Body {
					ast.Inspect(stmt, func(n ast.Node) bool {
						if id, variable := n.(*ast.Ident); variable && ok && isIdent(id, names[len(names)-1]) {
							read[id] = true
						}
						return true
					})
				}
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				read[n.X], read[n.Y] = true, true
			}
		case *ast.CallExpr:
			if pkg, function, _ := strings.Cut(calledName(n.Fun), "."); pkg == "fmt" && !strings.Contains(function, "can") {
				for _, arg := range n.Args {
					read[arg] = true
				}
			}
		case *ast.SelectorExpr:
			read[n.Sel] = true // a field of that name
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && slices.Contains(names, id.Name) {
			used, pointers = true, pointers || !read[id] // handed on, or kept
		}
		return !pointers
	})
	return used && !pointers
}

func isPointerType(t ast.Expr) bool {
	_, pointer := ast.Unparen(t).(*ast.StarExpr)
	return pointer
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
// that by its name writes through it.
func handsOn(body *ast.BlockStmt, name string) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			called := calledLast(call.Fun)
			fills := startsWith(upperFirst(called), fillingVerbs...) || called == "As"
			found = found || fills && slices.ContainsFunc(call.Args, func(arg ast.Expr) bool { return isIdent(arg, name) })
		}
		return !found
	})
	return found
}

func isIdent(expr ast.Expr, name string) bool {
	id, ok := expr.(*ast.Ident)
	return ok && id.Name == name
}
