package load

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
)

// Bodies finds functions whose source is at hand, in the package and in others.
type Bodies struct {
	pkg    *Package
	known  map[*types.Func]*Body
	copies map[packageState]*types.Package
}

func newBodies(pkg *Package) *Bodies {
	return &Bodies{pkg: pkg, known: make(map[*types.Func]*Body), copies: make(map[packageState]*types.Package)}
}

// Body is a function whose source is at hand.
type Body struct {
	Decl *ast.FuncDecl // with a body
	File *ast.File
	Pkg  *types.Package

	path string // of the file
	near declarations
	info *types.Info // once it is needed
}

// Name returns the name by which a reader finds the function: "Queue.next".
func (b *Body) Name() string {
	name := b.Decl.Name.Name
	if recv := b.Decl.Recv; recv != nil && len(recv.List) == 1 {
		name = BaseName(recv.List[0].Type) + "." + name
	}
	return name
}

// Near returns the declaration of another function, or of a method if it has a receiver,
// that is beside the function: in the package that declares the types, or in the same
// file of another package. It returns nil if there is none.
func (b *Body) Near(receiver, name string) *ast.FuncDecl { return b.near[declared{receiver, name}] }

// Of returns the source of a function or method, or nil if it is not at hand. Export data
// name the file and line of a function of another package. A declaration in another line
// belongs to another version of the source, and is not returned.
func (b *Bodies) Of(fn *types.Func) *Body {
	fn = fn.Origin()
	if fn.Pkg() == nil {
		return nil
	}
	body := b.known[fn]
	if body != nil {
		return body
	}
	if decl := b.pkg.Decls[fn.Pos()]; decl != nil {
		body = &Body{Decl: decl, File: b.pkg.FileOf(fn.Pos()), path: b.pkg.files.at(fn.Pos()), near: b.pkg.functions}
	} else if body = b.elsewhere(fn); body == nil {
		return nil
	}
	if body.Decl.Body == nil || body.File == nil {
		return nil
	}
	body.Pkg = fn.Pkg()
	b.known[fn] = body
	return body
}

// elsewhere returns the source of a function of another package, or nil.
func (b *Bodies) elsewhere(fn *types.Func) *Body {
	at := b.pkg.Fset.Position(fn.Pos())
	body := b.declarationIn(b.pkg.Imports.sourcePath(fn.Pkg(), at.Filename), declared{ReceiverName(fn), fn.Name()})
	if body == nil || b.pkg.Fset.Position(body.Decl.Name.Pos()).Line != at.Line {
		return nil
	}
	return body
}

// declarationIn returns the function that the file at path declares by that name, or nil.
func (b *Bodies) declarationIn(path string, name declared) *Body {
	file, err := b.pkg.files.parse(path)
	if err != nil {
		return nil
	}
	near := b.pkg.files.functions(path)
	if near[name] == nil {
		return nil
	}
	return &Body{Decl: near[name], File: file, path: path, near: near}
}

// Beside returns the function of that name in the package of body, or nil. Export data
// lack the functions that a package does not export.
func (b *Bodies) Beside(body *Body, name string) *Body {
	dir := filepath.Dir(body.path)
	for _, path := range GoFiles(dir) {
		text, err := os.ReadFile(path)
		if err != nil || isTest(path) || !bytes.Contains(text, []byte("\nfunc "+name+"(")) && !bytes.Contains(text, []byte("\nfunc "+name+"[")) {
			continue
		}
		if match, err := build.Default.MatchFile(dir, filepath.Base(path)); err != nil || !match {
			continue
		}
		if found := b.declarationIn(path, declared{"", name}); found != nil && found.Decl.Body != nil {
			found.Pkg = body.Pkg
			return found
		}
	}
	return nil
}

// Files returns the files of a package, in all its builds if it is another one than that
// of the types. It returns nil if they are not at hand.
func (b *Bodies) Files(p *types.Package) []*ast.File {
	if p == b.pkg.Types {
		return b.pkg.Files
	}
	names := p.Scope().Names()
	if len(names) == 0 {
		return nil
	}
	at := b.pkg.files.at(p.Scope().Lookup(names[0]).Pos())
	var files []*ast.File
	for _, path := range GoFiles(filepath.Dir(b.pkg.Imports.sourcePath(p, at))) {
		if isTest(path) {
			continue
		}
		if file, err := b.pkg.files.parse(path); err == nil {
			files = append(files, file)
		}
	}
	return files
}

// Check finds the types in a body. The types of the package's declarations are known
// already, so only this function is checked, as one without a name whose first
// parameter is the receiver. An
// expression that depends on an import that was not loaded has no type. A body is
// checked once.
func (b *Bodies) Check(body *Body) *types.Info {
	if body.info != nil {
		return body.info
	}
	body.info = &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Uses:       make(map[*ast.Ident]types.Object),
		Defs:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
		Implicits:  make(map[ast.Node]types.Object),
	}
	file := *body.File
	file.Decls = nil
	for _, decl := range body.File.Decls {
		if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
			file.Decls = append(file.Decls, gen)
		}
	}
	file.Decls = append(file.Decls, withoutReceiver(body.Decl))
	cfg := types.Config{
		Importer:    &bodyImporter{Imports: b.pkg.Imports, bodies: b, of: body.Pkg},
		FakeImportC: true,
		Sizes:       types.SizesFor("gc", build.Default.GOARCH),
		Error:       func(error) {}, // the compiler reports them
	}
	_ = types.NewChecker(&cfg, b.pkg.Fset, b.copyOf(body.Pkg), body.info).Files([]*ast.File{&file}) // likewise
	return body.info
}

// bodyImporter imports packages for a body. A package that was not loaded has only the
// declarations that the export data of the body's package mention.
type bodyImporter struct {
	*Imports
	bodies *Bodies
	of     *types.Package
}

func (i *bodyImporter) Import(path string) (*types.Package, error) {
	if _, asked := i.listed[path]; asked {
		return i.Imports.Import(path)
	}
	for _, known := range i.of.Imports() {
		if known.Path() == path {
			return i.bodies.copyOf(known), nil
		}
	}
	return i.Imports.Import(path)
}

// copyOf returns a package with the known declarations of p. Checking a body adds
// declarations to its package and marks it complete, although p may be incomplete.
func (b *Bodies) copyOf(p *types.Package) *types.Package {
	key := packageState{p, p.Complete()}
	if c := b.copies[key]; c != nil {
		return c
	}
	c := types.NewPackage(p.Path(), p.Name())
	for _, name := range p.Scope().Names() {
		c.Scope().Insert(p.Scope().Lookup(name))
	}
	c.MarkComplete()
	b.copies[key] = c
	return c
}

// packageState is a package, and whether all of its declarations are known.
type packageState struct {
	pkg      *types.Package
	complete bool
}

// withoutReceiver returns a function called _ with the body of the method decl. Its type
// parameters have no constraints, since those belong to the declaration of the type.
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

// receiverType copies the type of a receiver, and returns its type parameters, each with
// a name.
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
