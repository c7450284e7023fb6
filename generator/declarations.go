package generator

import (
	"go/ast"
	"go/build"
	"go/types"
	"iter"
	"path"
	"path/filepath"
	"slices"
	"strings"
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
				receiver = baseName(fn.Recv.List[0].Type)
			}
			d[declared{receiver, fn.Name.Name}] = fn
		}
	}
}

// findBody finds the source of m, unless it cannot be had. That of other packages
// is looked for in the file that their export data name; what is not in the line
// that they say is not the source.
func (src *source) findBody(m *method) {
	if m.decl != nil {
		if src.own == nil {
			src.own = make(declarations)
			for _, file := range src.files {
				src.own.add(file)
			}
		}
		m.body, m.file = m.decl, src.own
		return
	}
	fn := m.fn.Origin()
	at := src.fset.Position(fn.Pos())
	file, err := src.parseFile(src.sourcePath(fn.Pkg(), at.Filename))
	if err != nil {
		return
	}
	if src.beside[file] == nil {
		src.beside[file] = make(declarations)
		src.beside[file].add(file)
	}
	decl := src.beside[file][declared{receiverName(fn), fn.Name()}]
	if decl != nil && src.fset.Position(decl.Name.Pos()).Line == at.Line {
		m.body, m.file = decl, src.beside[file]
	}
}

// receiverName is the name of the type that a method belongs to, "" for a function.
func receiverName(fn *types.Func) string {
	recv := fn.Signature().Recv()
	if recv == nil {
		return ""
	}
	t, _ := pointee(recv.Type())
	if tn := typeNameOf(t); tn != nil {
		return tn.Name()
	}
	return unknownType
}

// sourcePath returns where a file of package p is that export data call name.
// Those made with -trimpath, as the standard library's are, have no directory.
func (src *source) sourcePath(p *types.Package, name string) string {
	if dir := src.imports.listed[p.Path()].Dir; dir != "" {
		return filepath.Join(dir, path.Base(filepath.ToSlash(name)))
	}
	if inside, ok := strings.CutPrefix(name, "$GOROOT/"); ok {
		return filepath.Join(src.imports.goroot(), inside)
	}
	return name
}

// goroot is the directory of the standard library that the go command uses.
func (i *imports) goroot() string {
	for _, l := range i.listed {
		if l.Standard {
			return l.Root
		}
	}
	return build.Default.GOROOT
}

// parameterNames returns the names of a function's parameters, one for each, "_"
// for those that have none.
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

// parameterType returns the name of the type of a parameter or receiver, or of
// what it points to.
func parameterType(decl *ast.FuncDecl, name string) string {
	for _, list := range []*ast.FieldList{decl.Recv, decl.Type.Params} {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			for _, id := range field.Names {
				if id.Name == name {
					return baseName(field.Type)
				}
			}
		}
	}
	return unknownType
}

// unknownType is the name of types that have none in the package itself.
const unknownType = "?"

// baseName is T for T, *T and T[…].
func baseName(expr ast.Expr) string {
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	if id, ok := unindexed(expr).(*ast.Ident); ok {
		return id.Name
	}
	return unknownType
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
