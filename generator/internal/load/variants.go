package load

import (
	"bytes"
	"go/ast"
	"go/types"
	"os"
	"path/filepath"
	"slices"
)

// variant is another declaration of an object, for other builds.
type variant struct {
	name       string // of its file
	constraint string
}

// variants returns the declarations of obj in the other files of its directory: those
// that are like the one in file, and those with another signature.
func (b *Builds) variants(obj types.Object, file *ast.File) (same, others []variant) {
	wanted := declared{"", obj.Name()}
	function, isFunction := obj.(*types.Func)
	if isFunction {
		wanted.receiver = ReceiverName(function)
	}
	named := func(id *ast.Ident) bool { return id.Name == wanted.name }
	here := b.pkg.files.at(file.Package)
	original := b.pkg.files.functions(here)[wanted]
	for _, path := range GoFiles(filepath.Dir(here)) {
		if path == here || isTest(path) || slices.Contains(b.pkg.Earlier, path) || !mentions(path, wanted) {
			continue
		}
		file, _ := b.pkg.files.parse(path)
		if file == nil {
			continue
		}
		constraint := b.Constraint(file)
		fn := b.pkg.files.functions(path)[wanted]
		switch {
		case fn != nil && original != nil && !alike(fn.Type, original.Type):
			others = append(others, variant{filepath.Base(path), constraint})
		case fn != nil || !isFunction && slices.ContainsFunc(declaredNames(file), named):
			same = append(same, variant{filepath.Base(path), constraint})
		case original != nil:
			same = append(same, b.aliased(file, wanted, original)...)
		}
	}
	return same, others
}

// mentions reports whether the file at path has the name of d or of its receiver. A
// file without them need not be parsed.
func mentions(path string, d declared) bool {
	text, err := os.ReadFile(path)
	return err == nil && (bytes.Contains(text, []byte(d.name)) || d.receiver != "" && bytes.Contains(text, []byte(d.receiver)))
}

// aliased returns the declarations like original of the method that d names, if file
// declares its receiver's type as an alias: then they belong to the other type, as
// those of json.RawMessage do in builds with another package json.
func (b *Builds) aliased(file *ast.File, d declared, original *ast.FuncDecl) []variant {
	other, importPath := aliasIn(file, d.receiver)
	if other == "" {
		return nil
	}
	dir := filepath.Dir(b.pkg.files.at(file.Package))
	if importPath != "" {
		dir = b.pkg.Imports.listed[importPath].Dir
		if dir == "" && b.pkg.Imports.Standard(importPath) {
			dir = filepath.Join(b.pkg.Imports.goroot(), "src", filepath.FromSlash(importPath))
		}
	}
	var found []variant
	d = declared{other, d.name}
	for _, path := range GoFiles(dir) {
		if isTest(path) || !mentions(path, declared{name: other}) {
			continue
		}
		if fn := b.pkg.files.functions(path)[d]; fn != nil && alike(fn.Type, original.Type) {
			at, _ := b.pkg.files.parse(path)
			found = append(found, variant{filepath.Base(path), both(b.Constraint(file), b.Constraint(at))})
		}
	}
	return found
}

// aliasIn returns the name of the type that file declares name an alias of, and the
// path of its package if that is imported; "" if it declares no such alias.
func aliasIn(file *ast.File, name string) (other, importPath string) {
	spec := typeSpec(file, name)
	if spec == nil || !spec.Assign.IsValid() {
		return "", ""
	}
	switch t := spec.Type.(type) {
	case *ast.Ident:
		return t.Name, ""
	case *ast.SelectorExpr:
		id, _ := t.X.(*ast.Ident)
		for name, path := range ImportNames(file) {
			if id != nil && name == id.Name {
				return t.Sel.Name, path
			}
		}
	}
	return "", ""
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
