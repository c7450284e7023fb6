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
// A method is judged by its body, see writes.go. Where its source cannot be had,
// the name of a parameter must do. handedOn is set if it was not seen to write,
// only to give the parameter away.
func (src *source) writtenParameter(m *method) (written *value, handedOn bool) {
	for i, v := range m.params {
		if i == m.context || v.user == "" || v.passing.back != "" || !canBeFilled(v.typ) || m.variadic && i == len(m.params)-1 || m.givesBack(v) {
			continue
		}
		src.findBody(m)
		w := m.newWrites(i)
		if m.decl == nil && isDestination(v) || m.body != nil && w.function(m.body, v.user) {
			return v, w.handedOn
		}
	}
	return nil, false
}

func isDestination(v *value) bool { return v.user == "dst" || v.user == "dest" }

// givesBack recognises AppendEncode(dst, src []byte) []byte by the names: it
// returns what it has written, and the caller takes that.
func (m *method) givesBack(v *value) bool {
	_, slice := types.Unalias(v.typ).Underlying().(*types.Slice)
	return slice && (startsWith(m.name, "Append") || m.decl == nil && isDestination(v)) &&
		slices.ContainsFunc(m.results, func(result *value) bool { return types.Identical(result.typ, v.typ) })
}

// canBeFilled reports whether what a parameter of type t holds can be changed for
// the caller.
func canBeFilled(t types.Type) bool {
	switch types.Unalias(t).Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
		return true
	}
	return false
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

// settingVerbs begin the names of methods that change what they are called on.
var settingVerbs = []string{"Reset", "Set", "Unmarshal"}

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
