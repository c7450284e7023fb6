package generator

import (
	"go/ast"
	"slices"
)

// calls reports whether a call writes through one of names.
func (w *writes) calls(call *ast.CallExpr, names aliases) bool {
	called := calledName(call.Fun)
	at, fills := fillers[called]
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
		fills = fills || slices.Contains(fillingMethods[w.slice], selector.Sel.Name)
		if w.methods && startsWith(selector.Sel.Name, settingVerbs...) && w.reaches(selector.X, names) {
			return true
		}
	}
	if fills && at < len(call.Args) && w.reaches(sorted(called, call.Args[at]), names) {
		return true
	}
	// What decodes into a pointer takes it last: yaml.Unmarshal(data, p).
	if n := len(call.Args); n > 0 && !w.slice && w.callee(call) == nil && startsWith(calledLast(call.Fun), fillingVerbs...) && w.same(call.Args[n-1], names) {
		return true
	}
	if called != "len" && called != "cap" && !isConversion(call) && w.escape(names, call.Args...) {
		return true
	}
	return w.follows(call, names)
}

// follows goes into the function that is called, if it gets one of names.
func (w *writes) follows(call *ast.CallExpr, names aliases) bool {
	callee := w.callee(call)
	if callee == nil {
		return false
	}
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok && w.same(selector.X, names) {
		if receiver := parameterNames(&ast.FuncType{Params: callee.Recv}); len(receiver) == 1 && w.function(callee, receiver[0]) {
			return true
		}
	}
	params := parameterNames(callee.Type)
	for i, arg := range call.Args {
		spread := i == len(params)-1 && isVariadic(callee.Type) && !call.Ellipsis.IsValid()
		if i < len(params) && !spread && w.same(arg, names) && w.function(callee, params[i]) {
			return true
		}
	}
	return false
}

// callee returns the function that is called if it is one of the file: by its
// name, or as a method of the receiver or of the parameter.
func (w *writes) callee(call *ast.CallExpr) *ast.FuncDecl {
	switch f := unindexed(call.Fun).(type) {
	case *ast.Ident:
		return w.file("", f.Name)
	case *ast.SelectorExpr:
		if id, ok := f.X.(*ast.Ident); ok {
			return w.file(parameterType(w.decl, id.Name), f.Sel.Name)
		}
	}
	return nil
}

// sorted returns what a call sorts, if it does: sort.Sort(sort.Reverse(byName(list)))
// sorts list.
func sorted(called string, arg ast.Expr) ast.Expr {
	for called == "sort.Sort" || called == "sort.Stable" {
		by, ok := arg.(*ast.CallExpr)
		if !ok || len(by.Args) != 1 {
			break
		}
		arg = by.Args[0]
		if calledName(by.Fun) != "sort.Reverse" {
			break
		}
	}
	return arg
}

// fillers are functions that write through their argument at the index.
var fillers = map[string]int{
	"copy": 0, "clear": 0, "delete": 0,
	"io.ReadFull": 1, "io.ReadAtLeast": 1, "json.Unmarshal": 1, "xml.Unmarshal": 1, "hex.Decode": 0, "hex.Encode": 0, "maps.Copy": 0,
	"slices.Reverse": 0, "slices.Sort": 0, "slices.SortFunc": 0, "slices.SortStableFunc": 0,
	"sort.Ints": 0, "sort.Strings": 0, "sort.Float64s": 0, "sort.Slice": 0, "sort.SliceStable": 0,
	"sort.Sort": 0, "sort.Stable": 0, "binary.Read": 2, "rand.Read": 0, "maps.DeleteFunc": 0, "maps.Insert": 0,
	"heap.Init": 0, "heap.Push": 0, "heap.Pop": 0, "heap.Fix": 0, "heap.Remove": 0,
	"fmt.Sscan": 1, "fmt.Sscanf": 2, "fmt.Fscan": 1, "fmt.Fscanf": 2,
}

// fillingMethods are those that write through their first argument, if it is a
// slice or else a pointer, whatever they are called on: readers and decoders.
var fillingMethods = map[bool][]string{
	true:  {"PutUint16", "PutUint32", "PutUint64", "Read", "ReadAt"},
	false: {"Decode", "Scan"},
}

// settingVerbs begin the names of methods that change what they are called on.
var settingVerbs = []string{"Reset", "Set", "Unmarshal"}

// calledName is what is called as it is written: f or pkg.f; "" for other calls.
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

// isConversion recognises (*T)(x) and unsafe.Pointer(x).
func isConversion(call *ast.CallExpr) bool {
	_, paren := call.Fun.(*ast.ParenExpr)
	return len(call.Args) == 1 && (paren || calledName(call.Fun) == "unsafe.Pointer")
}

func isVariadic(f *ast.FuncType) bool {
	n := len(f.Params.List)
	if n == 0 {
		return false
	}
	_, ok := f.Params.List[n-1].Type.(*ast.Ellipsis)
	return ok
}
