package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// cgoImport is the import path of the package that cgo makes of C declarations.
const cgoImport = "C"

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
	if !slices.ContainsFunc(files, importsCgo) {
		return nil
	}
	view := &cgoView{pkg: types.NewPackage(cgoImport, cgoImport)}
	for _, file := range files {
		view.imported = importsCgo(file)
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
		if isCgoImport(n) {
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
		if view.imported && isCgoName(n) {
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

// importsCgo reports whether file is part of the package only with cgo.
func importsCgo(file *ast.File) bool {
	return slices.ContainsFunc(file.Imports, isCgoImport)
}

func isCgoImport(spec *ast.ImportSpec) bool { return strings.Trim(spec.Path.Value, "\"`") == cgoImport }

// isCgoName reports whether e is C.name.
func isCgoName(e *ast.SelectorExpr) bool {
	id, ok := e.X.(*ast.Ident)
	return ok && id.Name == cgoImport
}

// requireCgo adds cgo to the constraint of the generated file if only files with
// cgo declare a method of the type that can be shared, or its constructor.
func (s *service) requireCgo(o *Options) {
	title := strings.TrimLeft(upperFirst(s.spec.base(o)), "_")
	var needed []types.Object
	for _, name := range []string{o.New, "New" + title, "new" + title} {
		if fn, ok := s.src.types.Scope().Lookup(name).(*types.Func); ok {
			needed = append(needed, fn)
			break
		}
	}
	for sel := range types.NewMethodSet(types.NewPointer(s.typ)).Methods() {
		if fn, ok := sel.Obj().(*types.Func); ok && fn.Exported() && !slices.Contains(o.Skip, fn.Name()) && s.passesData(fn) {
			needed = append(needed, fn)
		}
	}
	isCgo := func(obj types.Object) bool {
		file := s.src.fileOf(obj.Pos())
		return file != nil && importsCgo(file) && !s.isEverywhere(obj)
	}
	switch {
	case !slices.ContainsFunc(needed, isCgo):
	case s.constraint == "":
		s.constraint = "cgo"
	case strings.Contains(s.constraint, "||"):
		s.constraint = "(" + s.constraint + ") && cgo"
	default:
		s.constraint += " && cgo"
	}
}

// passesData reports whether all parameters and results of fn can travel.
func (s *service) passesData(fn *types.Func) bool {
	for _, tuple := range []*types.Tuple{fn.Signature().Params(), fn.Signature().Results()} {
		for v := range tuple.Variables() {
			if !isContext(v.Type()) && s.walk("", false).whole(v.Type()) != nil {
				return false
			}
		}
	}
	return true
}

// cgoSizes are the sizes of types, but of those that depend on C.
type cgoSizes struct {
	types.Sizes
	asked bool // for the size of a type that depends on C; the error is still to come
}

// refused reports whether the last type error is due to a size that Sizeof refused.
func (s *cgoSizes) refused() bool {
	defer func() { s.asked = false }()
	return s.asked
}

// Sizeof returns -1, which makes the checker report an error, for a type that
// depends on C.
func (s *cgoSizes) Sizeof(t types.Type) int64 {
	if dependsOnUnknown(t, nil) {
		s.asked = true
		return -1
	}
	return s.Sizes.Sizeof(t)
}
