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
// parameter holds. Those that fill theirs may look the same, but call it otherwise.
func (m *method) scans(v *value) bool {
	return m.name == "Scan" && len(m.params) == 1 && !m.variadic && len(m.results) == 0 && m.fails &&
		(v.user == "src" || v.user == "value")
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
