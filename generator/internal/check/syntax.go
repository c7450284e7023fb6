package check

import (
	"go/ast"
	"iter"
	"slices"
	"strings"

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

// parameterNames returns the names of a function's parameters, one for each, "_" for a
// parameter without a name.
func parameterNames(f *ast.FuncType) []string {
	var names []string
	if f.Params == nil {
		return nil
	}
	for _, field := range f.Params.List {
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

// unindexed takes type arguments away.
func unindexed(expr ast.Expr) ast.Expr {
	switch e := expr.(type) {
	case *ast.IndexExpr:
		return e.X
	case *ast.IndexListExpr:
		return e.X
	}
	return expr
}

// nodes returns the elements as nodes.
func nodes[N ast.Node](list []N) []ast.Node {
	all := make([]ast.Node, len(list))
	for i, n := range list {
		all[i] = n
	}
	return all
}

func expressions(names []*ast.Ident) iter.Seq[ast.Expr] {
	return func(yield func(ast.Expr) bool) {
		for _, id := range names {
			if !yield(id) {
				return
			}
		}
	}
}

// startsWith reports whether name begins with a verb, as ScanRow does with Scan and
// Scanner does not.
func startsWith(name string, verbs ...string) bool {
	return slices.ContainsFunc(verbs, func(verb string) bool {
		rest, ok := strings.CutPrefix(name, verb)
		return ok && (rest == "" || rest == "f" || rest == "ln" || ast.IsExported(rest))
	})
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
