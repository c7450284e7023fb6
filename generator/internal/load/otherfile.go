package load

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OtherFile is a Go file beside the package's own: one that this build leaves out, or
// one that loopgen wrote. It is part of the package in another build: that of the tests,
// of another system, or with other tags. The generated file is part of that build, too,
// so its names must differ from those that such a file declares or imports.
type OtherFile struct {
	Constraint string
	Imports    []Import
	Declared   []DeclaredName
}

// Import is an import declaration of a file.
type Import struct {
	Name string // "." or "_" too; the likely one if the file gives none
	Path string
	Pos  token.Position
}

// DeclaredName is a name that a file declares at package level.
type DeclaredName struct {
	Name string
	Pos  token.Position
}

// LeftOut returns the files of the package that this build leaves out. Files of other
// packages in the directory are not among them: external tests and scripts.
func (b *Builds) LeftOut() []OtherFile {
	if b.leftOut != nil {
		return b.leftOut
	}
	b.leftOut = []OtherFile{}
	here := make(map[string]bool)
	for _, file := range b.pkg.Files {
		here[filepath.Base(b.pkg.files.at(file.Package))] = true
	}
	for _, path := range GoFiles(b.pkg.Dir) {
		if here[filepath.Base(path)] || slices.Contains(b.pkg.Earlier, path) {
			continue
		}
		file, text := b.parseImports(path)
		if file != nil && file.Name.Name == b.pkg.Types.Name() && !ignored(file) {
			b.leftOut = append(b.leftOut, b.otherFile(file, path, text))
		}
	}
	return b.leftOut
}

// Output returns what a file that loopgen wrote declares. It returns false for one that is
// part of no build.
func (b *Builds) Output(path string) (OtherFile, bool) {
	file, text := b.parseImports(path)
	if file == nil {
		return OtherFile{}, false
	}
	return b.otherFile(file, path, text), true
}

// parseImports returns the file at path as far as its imports, and its text. It returns
// nil for one that the go command ignores because of its name or that has no package
// clause.
func (b *Builds) parseImports(path string) (*ast.File, []byte) {
	name := filepath.Base(path)
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil
	}
	file, _ := parser.ParseFile(b.pkg.Fset, path, text, parser.ParseComments|parser.ImportsOnly|parser.SkipObjectResolution)
	if file == nil || file.Name == nil {
		return nil, nil
	}
	return file, text
}

func (b *Builds) otherFile(file *ast.File, path string, text []byte) OtherFile {
	other := OtherFile{Constraint: b.Constraint(file), Declared: scanDeclared(path, text)}
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // the file was parsed
		name := LikelyName(path)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		other.Imports = append(other.Imports, Import{name, path, b.pkg.Fset.Position(spec.Pos())})
	}
	return other
}

// scanDeclared returns the names that the text of a file declares at package level. To
// parse all of the tests of a package would take longer than to generate its code.
func scanDeclared(path string, text []byte) []DeclaredName {
	fset := token.NewFileSet()
	file := fset.AddFile(path, -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	var found []DeclaredName
	var keyword token.Token // of the declaration
	depth := 0              // of brackets
	start := true           // of a declaration
	grouped := false        // it is a list in parentheses
	name, comma := false, false
	for {
		pos, tok, text := s.Scan()
		switch {
		case tok == token.EOF:
			return found
		case start && depth == 0 && (tok == token.FUNC || tok == token.TYPE || tok == token.VAR || tok == token.CONST):
			keyword, name, start = tok, true, false
			continue
		case name && tok == token.IDENT:
			found = append(found, DeclaredName{text, fset.Position(pos)})
			name, comma = false, keyword == token.VAR || keyword == token.CONST
			continue
		case comma && tok == token.COMMA:
			name, comma = true, false
			continue
		case name && tok == token.LPAREN && keyword != token.FUNC && !grouped:
			grouped = true
			depth++
			continue
		}
		name, comma, start = false, false, false
		switch tok {
		case token.LPAREN, token.LBRACK, token.LBRACE:
			depth++
		case token.RPAREN, token.RBRACK, token.RBRACE:
			depth--
		case token.SEMICOLON:
			start = depth == 0
			grouped = grouped && depth > 0
			name = grouped && depth == 1
		}
	}
}

// Exports returns the names that the package at path exports in any build. It compiles
// nothing.
func (b *Builds) Exports(path string) []string {
	if names, known := b.exports[path]; known {
		return names
	}
	var names []string
	if dir := b.pkg.Imports.dirOf(path); dir != "" {
		for _, at := range GoFiles(dir) {
			if isTest(at) {
				continue
			}
			file, _ := b.pkg.files.parse(at)
			for _, id := range declaredNames(file) {
				if id.IsExported() {
					names = append(names, id.Name)
				}
			}
		}
	}
	b.exports[path] = names
	return names
}

// declaredNames returns the names that a file, if any, declares at package level.
func declaredNames(file *ast.File) []*ast.Ident {
	var names []*ast.Ident
	if file == nil {
		return nil
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil {
				names = append(names, decl.Name)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, spec.Name)
				case *ast.ValueSpec:
					names = append(names, spec.Names...)
				}
			}
		}
	}
	return names
}
