package generator

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
)

// environment returns a package with the names that Go source on the command
// line can use: inner ones, those of the package itself, imported packages, and
// outer ones. The first of a name in this order counts.
func (src *source) environment(inner []types.Object, imported map[string]*types.Package, outer []types.Object) *types.Package {
	env := types.NewPackage(src.types.Path(), src.types.Name())
	var imports []types.Object
	for name, pkg := range imported {
		imports = append(imports, types.NewPkgName(token.NoPos, env, name, pkg))
	}
	for _, obj := range slices.Concat(inner, objects(src.types.Scope()), imports, outer) {
		env.Scope().Insert(obj) // unless the name is taken
	}
	return env
}

func objects(scope *types.Scope) []types.Object {
	var list []types.Object
	for _, name := range scope.Names() {
		list = append(list, scope.Lookup(name))
	}
	return list
}

// checkExpr finds what is meant by expr, which has no position in a file.
func (src *source) checkExpr(env *types.Package, expr ast.Expr) (*types.Info, error) {
	info := &types.Info{
		Types: make(map[ast.Expr]types.TypeAndValue),
		Uses:  make(map[*ast.Ident]types.Object),
	}
	err := types.CheckExpr(token.NewFileSet(), env, token.NoPos, expr, info)
	var e types.Error
	if errors.As(err, &e) {
		err = errors.New(e.Msg)
	}
	return info, err
}

// typeArguments returns the types in the brackets of spec.
func (src *source) typeArguments(spec *typeSpec) ([]types.Type, error) {
	imported := make(map[string]*types.Package)
	var failed error
	names := newScope()
	for _, obj := range objects(src.types.Scope()) {
		names.taken[obj.Name()] = true
	}
	source := eachName(spec.args, func(path, name string) string {
		if src.isOwn(path) {
			return name
		}
		pkg, err := src.imports.Import(path)
		switch {
		case err != nil:
			failed = fmt.Errorf("cannot import %s: %w", path, err)
			return name
		case !importable(src.pkg.Path, path) || src.imports.DependsOn(path, src.pkg.Path):
			failed = fmt.Errorf("this package cannot import %s", path)
			return name
		}
		as := names.pick(pkg.Name())
		imported[as] = pkg
		return as + "." + name
	})
	if failed != nil {
		return nil, failed
	}
	expr, err := parser.ParseExpr("T" + source)
	if err != nil {
		return nil, err
	}
	env := src.environment(nil, imported, nil)
	var args []types.Type
	for _, arg := range indices(expr) {
		info, err := src.checkExpr(env, arg)
		if err == nil && !info.Types[arg].IsType() {
			err = fmt.Errorf("%s is not a type", types.ExprString(arg))
		}
		if err != nil {
			return nil, err
		}
		args = append(args, info.Types[arg].Type)
	}
	return args, nil
}

// indices returns what stands in the brackets of expr.
func indices(expr ast.Expr) []ast.Expr {
	switch expr := expr.(type) {
	case *ast.IndexExpr:
		return []ast.Expr{expr.Index}
	case *ast.IndexListExpr:
		return expr.Indices
	}
	return nil
}

// importPaths returns the import paths in the type's text.
func (s *typeSpec) importPaths() []string {
	var paths []string
	add := func(path, _ string) string {
		if path != "" {
			paths = append(paths, path)
		}
		return ""
	}
	add(s.path, "")
	eachName(s.args, add)
	return paths
}
