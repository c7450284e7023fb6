package generator

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// body is a function whose source is at hand.
type body struct {
	decl *ast.FuncDecl
	file *ast.File
	pkg  *types.Package
	path string // of the file
}

// bodyOf returns the source of a function or method, or nil if it is not at hand.
func (src *source) bodyOf(fn *types.Func) *body {
	fn = fn.Origin()
	if fn.Pkg() == nil {
		return nil
	}
	b := &body{pkg: fn.Pkg()}
	at := src.fset.Position(fn.Pos())
	if b.decl = src.decls[fn.Pos()]; b.decl != nil {
		b.file, b.path = src.fileOf(fn.Pos()), at.Filename
	} else {
		b.path = src.sourcePath(fn.Pkg(), at.Filename)
		b.file, b.decl = src.declarationIn(b.path, declared{receiverName(fn), fn.Name()})
		if b.decl == nil || src.fset.Position(b.decl.Name.Pos()).Line != at.Line {
			return nil
		}
	}
	if b.decl.Body == nil || b.file == nil {
		return nil
	}
	return b
}

// declarationIn returns the file at path and what it declares by that name, or nil.
func (src *source) declarationIn(path string, name declared) (*ast.File, *ast.FuncDecl) {
	file, err := src.parseFile(path)
	if err != nil {
		return nil, nil
	}
	if src.beside[file] == nil {
		src.beside[file] = make(declarations)
		src.beside[file].add(file)
	}
	return file, src.beside[file][name]
}

// functionBeside returns the function of that name in the package of b. Export data
// lack the functions that a package does not export.
func (src *source) functionBeside(b *body, name string) *body {
	dir := filepath.Dir(b.path)
	entries, _ := os.ReadDir(dir) // without them, the function is not found
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte("\nfunc "+name+"(")) && !bytes.Contains(text, []byte("\nfunc "+name+"[")) {
			continue
		}
		if match, err := build.Default.MatchFile(dir, e.Name()); err != nil || !match {
			continue
		}
		if file, decl := src.declarationIn(path, declared{"", name}); decl != nil && decl.Body != nil {
			return &body{decl: decl, file: file, pkg: b.pkg, path: path}
		}
	}
	return nil
}

// checkBody finds the types in the body. The types of the package's declarations are known
// already, so only this function is checked, as one without a name whose first
// parameter is the receiver. What depends on imports that were not loaded has no type.
func (src *source) checkBody(b *body) *types.Info {
	info := &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Uses:       make(map[*ast.Ident]types.Object),
		Defs:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
		Implicits:  make(map[ast.Node]types.Object),
	}
	file := *b.file
	file.Decls = nil
	for _, decl := range b.file.Decls {
		if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
			file.Decls = append(file.Decls, gen)
		}
	}
	file.Decls = append(file.Decls, withoutReceiver(b.decl))
	cfg := types.Config{
		Importer:    &bodyImporter{imports: src.imports, of: b.pkg},
		FakeImportC: true,
		Sizes:       types.SizesFor("gc", build.Default.GOARCH),
		Error:       func(error) {}, // the compiler reports them
	}
	_ = types.NewChecker(&cfg, src.fset, src.copyOf(b.pkg), info).Files([]*ast.File{&file}) // likewise
	return info
}

// bodyImporter finds what a body imports. Of a package that was not loaded it has what
// the export data of its importer mention.
type bodyImporter struct {
	*imports
	of *types.Package
}

func (i *bodyImporter) Import(path string) (*types.Package, error) {
	if _, asked := i.listed[path]; asked {
		return i.imports.Import(path)
	}
	for _, known := range i.of.Imports() {
		if known.Path() == path {
			return i.src.copyOf(known), nil
		}
	}
	return i.imports.Import(path)
}

// copyOf returns a package that declares what p does as far as it is known. To check a
// body adds to the package and makes it complete, which p may not be.
func (src *source) copyOf(p *types.Package) *types.Package {
	key := packageState{p, p.Complete()}
	if c := src.copies[key]; c != nil {
		return c
	}
	c := types.NewPackage(p.Path(), p.Name())
	for _, name := range p.Scope().Names() {
		c.Scope().Insert(p.Scope().Lookup(name))
	}
	c.MarkComplete()
	if src.copies == nil {
		src.copies = make(map[packageState]*types.Package)
	}
	src.copies[key] = c
	return c
}

// packageState is a package, and whether all of it is known.
type packageState struct {
	pkg      *types.Package
	complete bool
}

// withoutReceiver returns a function called _ that does what the method does. The type
// parameters have no constraints, which belong to the type's declaration.
func withoutReceiver(decl *ast.FuncDecl) *ast.FuncDecl {
	signature := *decl.Type
	if decl.Recv != nil && len(decl.Recv.List) == 1 {
		recv := *decl.Recv.List[0]
		var params []*ast.Ident
		recv.Type, params = receiverType(recv.Type)
		if len(params) > 0 {
			signature.TypeParams = &ast.FieldList{List: []*ast.Field{{Names: params, Type: ast.NewIdent("any")}}}
		}
		if len(recv.Names) == 0 {
			recv.Names = []*ast.Ident{ast.NewIdent("_")}
		}
		list := []*ast.Field{&recv}
		for _, field := range decl.Type.Params.List {
			if len(field.Names) == 0 {
				named := *field
				named.Names = []*ast.Ident{ast.NewIdent("_")}
				field = &named
			}
			list = append(list, field)
		}
		signature.Params = &ast.FieldList{Opening: decl.Type.Params.Opening, List: list, Closing: decl.Type.Params.Closing}
	}
	return &ast.FuncDecl{Name: &ast.Ident{NamePos: decl.Name.NamePos, Name: "_"}, Type: &signature, Body: decl.Body}
}

// receiverType copies the type of a receiver and returns its type parameters, of which
// each gets a name.
func receiverType(expr ast.Expr) (ast.Expr, []*ast.Ident) {
	var params []*ast.Ident
	name := func(arg ast.Expr) ast.Expr {
		id, ok := arg.(*ast.Ident)
		if !ok || id.Name == "_" {
			id = &ast.Ident{NamePos: arg.Pos(), Name: "_" + strconv.Itoa(len(params))}
		}
		params = append(params, id)
		return ast.NewIdent(id.Name)
	}
	switch e := expr.(type) {
	case *ast.StarExpr:
		inner, params := receiverType(e.X)
		return &ast.StarExpr{Star: e.Star, X: inner}, params
	case *ast.ParenExpr:
		return receiverType(e.X)
	case *ast.IndexExpr:
		inner := *e
		inner.Index = name(e.Index)
		return &inner, params
	case *ast.IndexListExpr:
		inner := *e
		inner.Indices = nil
		for _, index := range e.Indices {
			inner.Indices = append(inner.Indices, name(index))
		}
		return &inner, params
	}
	return expr, nil
}
