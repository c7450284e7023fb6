package check

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// Expression is Go source from the command line that makes the object.
type Expression struct {
	Expr ast.Expr
	// uses are the names that are declared outside of the expression. A name of the
	// type's own package may stand there without a qualifier.
	Uses map[*ast.Ident]types.Object
}

// constructorExpression makes the expression text the constructor, or reports
// why it cannot be one.
func (s constructors) constructorExpression(r *Reporter, text string) bool {
	c, fn, reason, remedy := s.parseConstructor(text)
	switch {
	case reason != "":
		r.Report(Error, s.Pos, "-new", reason, remedy)
		return false
	case fn != nil:
		return s.useConstructor(r, fn, true)
	}
	s.Constructor = c
	r.Report(Note, s.Pos, text, "is the constructor of "+s.TypeName(), "")
	return true
}

// parseConstructor returns the constructor that the expression text is, or the
// function that it names, or the reason why it is neither, with a remedy.
func (s constructors) parseConstructor(text string) (c *Constructor, named *types.Func, reason, remedy string) {
	bad := func(reason, remedy string) (*Constructor, *types.Func, string, string) {
		return nil, nil, reason, remedy
	}
	expr, err := parser.ParseExpr(text)
	if err != nil {
		return bad(fmt.Sprintf("%q is no Go expression: %v", text, err), "give the name of a function, or a call like New(10)")
	}
	if slices.Contains(qualifiers(expr), load.CPath) && s.Src.UsesC {
		return bad(text+" needs cgo, which the generated file cannot use", "write a function without parameters that returns it, and name that with -new")
	}
	var info *types.Info
	env, err := s.surroundings(expr)
	if err == nil {
		info, err = checkExpr(env, expr)
	}
	if err != nil && s.Src.UsesC {
		return bad(fmt.Sprintf("%s: %v", text, err), "if only cgo knows the types in it, write a function that returns it, and name that with -new")
	}
	if err != nil {
		return bad(fmt.Sprintf("%s: %v", text, err), "other packages than those used beside the type must be imported by a file of this one")
	}
	tv := info.Types[expr]
	if fn := calledFunction(info, expr); fn != nil && tv.IsValue() && isKind[*types.Signature](nil, tv.Type) {
		if _, generic := expr.(*ast.SelectorExpr); generic {
			return nil, fn, "", ""
		}
	}
	results, ok := tv.Type.(*types.Tuple)
	if !ok {
		results = types.NewTuple(types.NewVar(token.NoPos, nil, "", tv.Type))
	}
	c = &Constructor{Name: text, Expr: &Expression{expr, outerUses(expr, info)}}
	switch {
	case tv.IsType():
		return bad(text+" is a type", "give an expression that makes one, like new("+text+")")
	case tv.IsVoid() || !c.makes(s.Service, results):
		return bad(fmt.Sprintf("%s must give a %s or *%[2]s, and optionally an error", text, s.TypeName()), "call a function that makes one")
	}
	var elsewhere []string
	for _, obj := range c.Expr.Uses {
		if AtPackageLevel(obj) && !s.isEverywhere(obj) {
			elsewhere = append(elsewhere, fmt.Sprintf("%s, which not all builds of the package declare alike: %s", obj.Name(), s.elsewhere(obj)))
		}
	}
	if len(elsewhere) > 0 {
		slices.Sort(elsewhere)
		return bad(fmt.Sprintf("%s needs %s", text, strings.Join(slices.Compact(elsewhere), ", and ")),
			"use what is declared in files without build constraints")
	}
	return c, nil, "", ""
}

// surroundings is the environment of expr: the names of the package, its imports,
// the packages that the type mentions and, without their package's name, the
// names beside the type.
func (s constructors) surroundings(expr ast.Expr) (*types.Package, error) {
	var inner, outer []types.Object
	for _, p := range s.Params {
		inner = append(inner, p.Obj())
	}
	imported := make(map[string]*types.Package)
	if foreign := s.typ.Obj().Pkg(); foreign != s.Src.Types {
		imported[foreign.Name()] = foreign
		outer = slices.DeleteFunc(objects[types.Object](foreign.Scope()), func(obj types.Object) bool { return !obj.Exported() })
	}
	add := func(name, path string) {
		if s.Src.IsOwn(path) {
			return
		}
		if pkg, err := s.Src.Imports.Import(path); err == nil && imported[cmp.Or(name, pkg.Name())] == nil {
			imported[cmp.Or(name, pkg.Name())] = pkg
		}
	}
	for _, path := range s.Spec.importPaths() {
		add("", path)
	}
	unknown := slices.DeleteFunc(qualifiers(expr), func(name string) bool {
		return imported[name] != nil || s.Src.Types.Scope().Lookup(name) != nil
	})
	if len(unknown) == 0 {
		return environment(s.Src.Types, inner, imported, outer), nil
	}
	needed := unknown // perhaps packages of the standard library, which need no import
	for _, file := range s.Src.Files {
		needed = append(needed, load.ImportsOf(file)...)
	}
	if err := s.Src.Imports.Load(needed); err != nil {
		return nil, err
	}
	for _, file := range s.Src.Files {
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value) // the file was parsed
			name := ""
			if spec.Name != nil {
				name = spec.Name.Name
			}
			add(name, path)
		}
	}
	for _, path := range unknown {
		add(path, path)
	}
	if err := s.addMentioned(unknown, imported); err != nil {
		return nil, err
	}
	return environment(s.Src.Types, inner, imported, outer), nil
}

// addMentioned adds to imported the packages that the type's package mentions, if they
// have one of the names, and neither an import nor another such package has it: arguments
// of a function beside the type are often of their types.
func (s constructors) addMentioned(names []string, imported map[string]*types.Package) error {
	var paths []string
	for _, name := range names {
		var called []string
		for _, pkg := range s.typ.Obj().Pkg().Imports() {
			if pkg.Name() == name && s.Src.canImport(pkg) && !s.Src.IsOwn(pkg.Path()) {
				called = append(called, pkg.Path())
			}
		}
		if imported[name] == nil && len(called) == 1 {
			paths = append(paths, called[0])
		}
	}
	if err := s.Src.Imports.Load(paths); err != nil {
		return err
	}
	for _, path := range paths {
		if pkg, err := s.Src.Imports.Import(path); err == nil {
			imported[pkg.Name()] = pkg
		}
	}
	return nil
}

// qualifiers returns the names x of all x.y in expr.
func qualifiers(expr ast.Expr) []string {
	var names []string
	for n := range ast.Preorder(expr) {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok {
				names = append(names, x.Name)
			}
		}
	}
	return names
}

// calledFunction returns the function that expr names, or nil.
func calledFunction(info *types.Info, expr ast.Expr) *types.Func {
	if sel, ok := expr.(*ast.SelectorExpr); ok {
		fn, _ := info.Uses[sel.Sel].(*types.Func)
		return fn
	}
	return nil
}

// outerUses returns the names in expr that stand by themselves, not behind a
// dot, and are declared outside.
func outerUses(expr ast.Expr, info *types.Info) map[*ast.Ident]types.Object {
	uses := make(map[*ast.Ident]types.Object)
	var inspect func(n ast.Node) bool
	inspect = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			ast.Inspect(n.X, inspect)
			return false
		case *ast.Ident:
			obj := info.Uses[n]
			if v, ok := obj.(*types.Var); obj == nil || ok && v.IsField() || obj.Parent() == types.Universe {
				return true
			}
			uses[n] = obj
		}
		return true
	}
	ast.Inspect(expr, inspect)
	return uses
}

// AtPackageLevel reports whether a package declares obj outside of functions.
func AtPackageLevel(obj types.Object) bool {
	return obj.Pkg() != nil && obj.Parent() == obj.Pkg().Scope()
}
