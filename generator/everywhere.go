package generator

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/parser"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// isEverywhere reports whether obj, a method or what a package declares, is there
// in all builds that have the generated file: its own file always is, or it is
// declared alike in several of which one always is.
func (s *service) isEverywhere(obj types.Object) bool {
	file := s.src.headOf(obj)
	if file == nil {
		return true // predeclared, or of a package without source
	}
	here := s.src.buildConstraint(file)
	return here == "" || here == s.constraint || covers(s.constraint, s.src.constraintsOf(obj, file))
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

// constraintsOf returns the build constraints of the files beside one that declare
// what obj is there, or none if that is another signature in one of them.
func (src *source) constraintsOf(obj types.Object, beside *ast.File) []string {
	wanted := declared{"", obj.Name()}
	function, isFunction := obj.(*types.Func)
	if isFunction {
		wanted.receiver = receiverName(function)
	}
	named := func(id *ast.Ident) bool { return id.Name == wanted.name }
	dir := filepath.Dir(src.fset.Position(beside.Package).Filename)
	paths, _ := filepath.Glob(filepath.Join(escapeGlob(dir), "*.go")) // the pattern is well-formed
	var constraints []string
	var first *ast.FuncType
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || slices.Contains(src.earlier, path) {
			continue
		}
		if text, err := os.ReadFile(path); err != nil || !bytes.Contains(text, []byte(wanted.name)) {
			continue // most files need not be parsed
		}
		file, _ := src.parseFile(path)
		if file == nil {
			continue
		}
		functions := make(declarations)
		functions.add(file)
		fn := functions[wanted]
		if fn == nil && (isFunction || !slices.ContainsFunc(declaredNames(file), named)) {
			continue
		}
		if fn != nil {
			first = cmp.Or(first, fn.Type)
			if !alike(fn.Type, first) {
				return nil
			}
		}
		constraints = append(constraints, src.buildConstraint(file))
	}
	return constraints
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
