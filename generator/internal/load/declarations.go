package load

import (
	"go/ast"
	"go/types"
)

// declared names a function, or a method by its receiver's type as well.
type declared struct{ receiver, name string }

// declarations are functions and methods whose source is at hand: those of the
// package itself, or of one file of another package.
type declarations map[declared]*ast.FuncDecl

func (d declarations) add(file *ast.File) {
	for _, decl := range file.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			receiver := ""
			if fn.Recv != nil && len(fn.Recv.List) == 1 {
				receiver = BaseName(fn.Recv.List[0].Type)
			}
			d[declared{receiver, fn.Name.Name}] = fn
		}
	}
}

// typeSpec returns the declaration of the type called name in file, or nil.
func typeSpec(file *ast.File, name string) *ast.TypeSpec {
	for _, decl := range file.Decls {
		if gen, ok := decl.(*ast.GenDecl); ok {
			for _, spec := range gen.Specs {
				if spec, ok := spec.(*ast.TypeSpec); ok && spec.Name.Name == name {
					return spec
				}
			}
		}
	}
	return nil
}

// ReceiverName is the name of the type that a method belongs to, "" for a function.
func ReceiverName(fn *types.Func) string {
	recv := fn.Signature().Recv()
	if recv == nil {
		return ""
	}
	t := types.Unalias(recv.Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj().Name()
	}
	return Unnamed
}

// Unnamed is the name of types that have none in the package itself.
const Unnamed = "?"

// BaseName is T for T, *T and T[…], and Unnamed for an expression of another form.
func BaseName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return BaseName(e.X)
	case *ast.IndexExpr:
		return BaseName(e.X)
	case *ast.IndexListExpr:
		return BaseName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return Unnamed
}
