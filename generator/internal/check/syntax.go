package check

import (
	"go/ast"
	"go/token"
	"iter"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// declarations finds a function, or a method if there is a receiver, whose source is
// beside another one. It returns nil if there is none.
type declarations func(receiver, name string) *ast.FuncDecl

// findBody finds the source of m, unless it is not at hand.
func (src *Source) findBody(m *Method) {
	if b := src.Bodies.Of(m.fn); b != nil {
		m.body, m.file = b.Decl, b.Near
	}
}

// specsOf yields the specs of the declarations of one kind in files.
func specsOf[S ast.Spec](files []*ast.File, kind token.Token) iter.Seq2[S, *ast.GenDecl] {
	return func(yield func(S, *ast.GenDecl) bool) {
		for _, file := range files {
			for _, decl := range file.Decls {
				gen, ok := decl.(*ast.GenDecl)
				if !ok || gen.Tok != kind {
					continue
				}
				for _, spec := range gen.Specs {
					if !yield(spec.(S), gen) {
						return
					}
				}
			}
		}
	}
}

// namesIn returns the names in a list of parameters, which may be nil: one for each, "_"
// for a parameter without a name.
func namesIn(list *ast.FieldList) []string {
	if list == nil {
		return nil
	}
	var names []string
	for _, field := range list.List {
		if len(field.Names) == 0 {
			names = append(names, "_")
		}
		for _, id := range field.Names {
			names = append(names, id.Name)
		}
	}
	return names
}

// parameterType returns the name of the type of a parameter or receiver, or of the
// type that it points to.
func parameterType(decl *ast.FuncDecl, name string) string {
	for _, list := range []*ast.FieldList{decl.Recv, decl.Type.Params} {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			for _, id := range field.Names {
				if id.Name == name {
					return load.BaseName(field.Type)
				}
			}
		}
	}
	return load.Unnamed
}

// instantiation takes apart an expression such as F[int]: into F, and the type arguments.
func instantiation(expr ast.Expr) (generic ast.Expr, args []ast.Expr) {
	switch e := expr.(type) {
	case *ast.IndexExpr:
		return e.X, []ast.Expr{e.Index}
	case *ast.IndexListExpr:
		return e.X, e.Indices
	}
	return expr, nil
}

func unindexed(expr ast.Expr) ast.Expr {
	generic, _ := instantiation(expr)
	return generic
}

// operand returns the x of x.f, x[i], *x and x.(T), or nil for other expressions.
func operand(expr ast.Expr) ast.Expr {
	switch e := expr.(type) {
	case *ast.SelectorExpr:
		return e.X
	case *ast.IndexExpr:
		return e.X
	case *ast.StarExpr:
		return e.X
	case *ast.TypeAssertExpr:
		return e.X
	}
	return nil
}

// nodes returns the elements of a list of more specific nodes.
func nodes[To, N ast.Node](list []N) []To {
	all := make([]To, len(list))
	for i, n := range list {
		all[i] = ast.Node(n).(To)
	}
	return all
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

func isIdent(expr ast.Expr, name string) bool {
	id, ok := expr.(*ast.Ident)
	return ok && id.Name == name
}
