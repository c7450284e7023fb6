package generator

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// isEverywhere reports whether obj, a method or what a package declares, is there
// in all builds that have the generated file.
func (s *service) isEverywhere(obj types.Object) bool { return s.elsewhere(obj) == "" }

// elsewhere says which build that has the generated file lacks obj or declares it
// otherwise, and which files decide that, or returns "". Only builds for the systems
// that package rt supports count.
func (s *service) elsewhere(obj types.Object) string {
	file := s.src.headOf(obj)
	if file == nil {
		return "" // predeclared, or of a package without source
	}
	here := s.src.buildConstraint(file)
	if here == "" || here == s.constraint || covers(s.constraint, []string{here}) {
		return ""
	}
	alike, others := s.src.variants(obj, file)
	names := []string{filepath.Base(s.src.fset.Position(obj.Pos()).Filename)}
	constraints := []string{here}
	for _, v := range alike {
		names, constraints = append(names, v.name), append(constraints, v.constraint)
	}
	for _, v := range others {
		if build := uncovered(both(s.constraint, v.constraint), constraints); build != "" {
			return "in a build for " + build + " " + v.name + " declares it otherwise than " + names[0]
		}
	}
	if build := uncovered(s.constraint, constraints); build != "" {
		return "a build for " + build + " leaves out " + strings.Join(names, " and ")
	}
	return ""
}

// isBound reports whether m is promoted from a type that only some builds have: in
// the others, what embeds it does not compile either.
func (s *service) isBound(m *method) bool {
	if m.from == "" {
		return false
	}
	t, _ := pointee(m.fn.Signature().Recv().Type())
	tn := typeNameOf(t)
	return tn != nil && tn.Exported() && !s.isEverywhere(tn)
}

// headOf returns the file that declares obj, parsed as far as its package clause
// at least, or nil.
func (src *source) headOf(obj types.Object) *ast.File {
	at := src.fset.Position(obj.Pos()).Filename
	if obj.Pkg() == nil || at == "" {
		return nil
	}
	path := src.sourcePath(obj.Pkg(), at)
	if p, ok := src.parsed[path]; ok {
		return p.file
	}
	file, ok := src.heads[path]
	if !ok {
		file, _ = parser.ParseFile(src.fset, path, nil, parser.ParseComments|parser.PackageClauseOnly)
		src.heads[path] = file
	}
	return file
}

// variant is another declaration of an object, for other builds.
type variant struct {
	name       string // of its file
	constraint string
}

// variants returns the declarations of obj in the other files of its directory: those
// that are like the one in file, and those with another signature.
func (src *source) variants(obj types.Object, file *ast.File) (same, others []variant) {
	wanted := declared{"", obj.Name()}
	function, isFunction := obj.(*types.Func)
	if isFunction {
		wanted.receiver = receiverName(function)
	}
	named := func(id *ast.Ident) bool { return id.Name == wanted.name }
	here := src.fset.Position(file.Package).Filename
	original := src.declaration(here, wanted)
	for _, path := range goFiles(filepath.Dir(here)) {
		if path == here || strings.HasSuffix(path, "_test.go") || slices.Contains(src.earlier, path) || !mentions(path, wanted) {
			continue
		}
		file, _ := src.parseFile(path)
		if file == nil {
			continue
		}
		constraint := src.buildConstraint(file)
		fn := src.declaration(path, wanted)
		switch {
		case fn != nil && original != nil && !alike(fn.Type, original.Type):
			others = append(others, variant{filepath.Base(path), constraint})
		case fn != nil || !isFunction && slices.ContainsFunc(declaredNames(file), named):
			same = append(same, variant{filepath.Base(path), constraint})
		case original != nil:
			same = append(same, src.aliased(file, wanted, original)...)
		}
	}
	return same, others
}

// mentions reports whether the file at path may have something to do with d: most
// need not be parsed.
func mentions(path string, d declared) bool {
	text, err := os.ReadFile(path)
	return err == nil && (bytes.Contains(text, []byte(d.name)) || d.receiver != "" && bytes.Contains(text, []byte(d.receiver)))
}

// declaration returns the function or method that the file at path declares, or nil.
func (src *source) declaration(path string, d declared) *ast.FuncDecl {
	file, _ := src.parseFile(path)
	if file == nil {
		return nil
	}
	functions := make(declarations)
	functions.add(file)
	return functions[d]
}

// aliased returns the declarations like original of the method that d names, if file
// declares its receiver's type as an alias: then they belong to the other type, as
// those of json.RawMessage do in builds with another package json.
func (src *source) aliased(file *ast.File, d declared, original *ast.FuncDecl) []variant {
	other, importPath := aliasIn(file, d.receiver)
	if other == "" {
		return nil
	}
	dir := filepath.Dir(src.fset.Position(file.Package).Filename)
	if importPath != "" {
		dir = src.imports.listed[importPath].Dir
		if dir == "" && src.standard(importPath) {
			dir = filepath.Join(src.imports.goroot(), "src", filepath.FromSlash(importPath))
		}
	}
	var found []variant
	d = declared{other, d.name}
	for _, path := range goFiles(dir) {
		if strings.HasSuffix(path, "_test.go") || !mentions(path, declared{name: other}) {
			continue
		}
		if fn := src.declaration(path, d); fn != nil && alike(fn.Type, original.Type) {
			at, _ := src.parseFile(path)
			found = append(found, variant{filepath.Base(path), both(src.buildConstraint(file), src.buildConstraint(at))})
		}
	}
	return found
}

// aliasIn returns the name of the type that file declares name an alias of, and the
// path of its package if that is imported; "" if it declares no such alias.
func aliasIn(file *ast.File, name string) (other, importPath string) {
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			spec, ok := spec.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name || !spec.Assign.IsValid() {
				continue
			}
			switch t := spec.Type.(type) {
			case *ast.Ident:
				return t.Name, ""
			case *ast.SelectorExpr:
				id, _ := t.X.(*ast.Ident)
				for _, path := range importsOf(file, nil) {
					if id != nil && importName(file, path) == id.Name {
						return t.Sel.Name, path
					}
				}
			}
		}
	}
	return "", ""
}

// importName returns the name by which file imports the package at path, to judge by
// the path where it gives none.
func importName(file *ast.File, path string) string {
	for _, spec := range file.Imports {
		if unquoted, _ := strconv.Unquote(spec.Path.Value); unquoted == path && spec.Name != nil {
			return spec.Name.Name
		}
	}
	return likelyName(path)
}

// alike reports whether two functions are written with the same types.
func alike(a, b *ast.FuncType) bool {
	return slices.Equal(fieldTypes(a.Params), fieldTypes(b.Params)) && slices.Equal(fieldTypes(a.Results), fieldTypes(b.Results))
}

// fieldTypes returns the types of a list of parameters or results as text.
func fieldTypes(list *ast.FieldList) []string {
	var texts []string
	if list == nil {
		return nil
	}
	for _, field := range list.List {
		for range max(1, len(field.Names)) {
			texts = append(texts, types.ExprString(field.Type))
		}
	}
	return texts
}
