package check

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
)

// environment returns a package with the names that Go source on the command line can
// use: inner objects, the declarations of the package own, imported packages, and outer
// objects. The first object of a name, in this order, counts.
func environment(own *types.Package, inner []types.Object, imported map[string]*types.Package, outer []types.Object) *types.Package {
	env := types.NewPackage(own.Path(), own.Name())
	var imports []types.Object
	for name, pkg := range imported {
		imports = append(imports, types.NewPkgName(token.NoPos, env, name, pkg))
	}
	for _, obj := range slices.Concat(inner, objects[types.Object](own.Scope()), imports, outer) {
		env.Scope().Insert(obj) // unless the name is taken
	}
	return env
}

// objects returns the objects of one kind that a scope declares, by name.
func objects[O types.Object](scope *types.Scope) []O {
	var list []O
	for _, name := range scope.Names() {
		if obj, ok := scope.Lookup(name).(O); ok {
			list = append(list, obj)
		}
	}
	return list
}

func namesOf[O types.Object](scope *types.Scope) []string {
	var names []string
	for _, obj := range objects[O](scope) {
		names = append(names, obj.Name())
	}
	return names
}

// checkExpr finds the types and objects in expr, which has no position in a file.
func checkExpr(env *types.Package, expr ast.Expr) (*types.Info, error) {
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

func (f *targetFinder) typeArguments() ([]types.Type, error) {
	imported := make(map[string]*types.Package)
	var failed error
	source := EachName(f.spec.Args, func(path, name string) string {
		if f.src.IsOwn(path) {
			return name
		}
		pkg, err := f.src.Imports.Import(path)
		switch {
		case err != nil:
			failed = fmt.Errorf("cannot import %s: %w", path, err)
			return name
		case !importable(f.src.Path, path) || f.src.Imports.DependsOn(path, f.src.Path):
			failed = fmt.Errorf("this package cannot import %s", path)
			return name
		}
		as := pkg.Name()
		for i := 2; f.src.Types.Scope().Lookup(as) != nil || types.Universe.Lookup(as) != nil || imported[as] != nil; i++ {
			as = pkg.Name() + strconv.Itoa(i)
		}
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
	env := environment(f.src.Types, nil, imported, nil)
	var args []types.Type
	_, exprs := instantiation(expr)
	for _, arg := range exprs {
		info, err := checkExpr(env, arg)
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

func (s *TypeSpec) importPaths() []string {
	var paths []string
	add := func(path, _ string) string {
		if path != "" {
			paths = append(paths, path)
		}
		return ""
	}
	add(s.Path, "")
	EachName(s.Args, add)
	return paths
}
