package load

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// CPath is the import path of the package that cgo makes of C declarations.
const CPath = "C"

// cgoView stands for package C in type checking. Running cgo would take longer
// than all the rest, so a type of C has a name here and no structure.
type cgoView struct {
	pkg *types.Package
	// doubtful are the expressions whose type errors say nothing: their values
	// depend on C.
	doubtful []ast.Node
	imported bool // the file that is being inspected imports C
}

// viewCgo returns the view of package C that files need, or nil if none imports it.
func viewCgo(files []*ast.File) *cgoView {
	if !slices.ContainsFunc(files, ImportsC) {
		return nil
	}
	view := &cgoView{pkg: types.NewPackage(CPath, CPath)}
	for _, file := range files {
		view.imported = ImportsC(file)
		ast.Inspect(file, view.inspect)
	}
	view.pkg.MarkComplete()
	return view
}

// inspect declares the types of C that n mentions, and notes doubtful expressions.
func (view *cgoView) inspect(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		view.doubtful = append(view.doubtful, n)
		return false
	case *ast.ImportSpec:
		if isCImport(n) {
			view.doubtful = append(view.doubtful, n)
		}
	case *ast.ValueSpec:
		for _, value := range n.Values {
			view.doubtful = append(view.doubtful, value)
		}
		if n.Type != nil {
			ast.Inspect(n.Type, view.inspect)
		}
		return false
	case *ast.ArrayType:
		if n.Len != nil {
			view.doubtful = append(view.doubtful, n.Len)
		}
		ast.Inspect(n.Elt, view.inspect)
		return false
	case *ast.SelectorExpr:
		if view.imported && isCName(n) {
			view.doubtful = append(view.doubtful, n)
			if scope := view.pkg.Scope(); scope.Lookup(n.Sel.Name) == nil {
				name := types.NewTypeName(token.NoPos, view.pkg, n.Sel.Name, nil)
				types.NewNamed(name, types.Typ[types.Invalid], nil)
				scope.Insert(name)
			}
		}
	}
	return true
}

// doubts reports whether a type error at pos says nothing about the package.
func (view *cgoView) doubts(pos token.Pos) bool {
	return view != nil && slices.ContainsFunc(view.doubtful, func(n ast.Node) bool { return n.Pos() <= pos && pos < n.End() })
}

// ImportsC reports whether file imports package C. Such a file is part of its package
// only with cgo.
func ImportsC(file *ast.File) bool {
	return slices.ContainsFunc(file.Imports, isCImport)
}

func isCImport(spec *ast.ImportSpec) bool { return strings.Trim(spec.Path.Value, "\"`") == CPath }

// isCName reports whether e is C.name.
func isCName(e *ast.SelectorExpr) bool {
	id, ok := e.X.(*ast.Ident)
	return ok && id.Name == CPath
}

// cgoSizes are the sizes of types, except of those that depend on C.
type cgoSizes struct{ types.Sizes }

// Sizeof returns -1 for a type that depends on C, which the checker reports. The
// expression is one of the doubtful.
func (s cgoSizes) Sizeof(t types.Type) int64 {
	if dependsOnUnknown(t, nil) {
		return -1
	}
	return s.Sizes.Sizeof(t)
}

// dependsOnUnknown reports whether the size of t depends on a type without a known
// structure: one of C, or one that is still to be generated.
func dependsOnUnknown(t types.Type, within []types.Type) bool {
	if t.Underlying() == types.Typ[types.Invalid] {
		return true
	}
	if slices.Contains(within, t) {
		return false
	}
	within = append(within, t)
	switch u := t.Underlying().(type) {
	case *types.Array:
		return dependsOnUnknown(u.Elem(), within)
	case *types.Struct:
		for f := range u.Fields() {
			if dependsOnUnknown(f.Type(), within) {
				return true
			}
		}
	}
	return false
}
