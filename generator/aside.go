package generator

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A file that this build leaves out is part of the package in another build: that of
// the tests, of another system, or with other tags. The generated file is part of that
// build, too, so its names must differ from those that such a file declares or imports.

// asideFile is a file that this build leaves out.
type asideFile struct {
	path, constraint string
	imports          []*ast.ImportSpec
	declared         []declaredName
}

// filesAside returns the files of the package that this build leaves out. Files of
// other packages in the directory are not among them: external tests and scripts.
func (src *source) filesAside() []asideFile {
	if src.aside != nil {
		return src.aside
	}
	src.aside = []asideFile{}
	here := make(map[string]bool)
	for _, file := range src.files {
		here[filepath.Base(src.fset.Position(file.Package).Filename)] = true
	}
	for _, path := range goFiles(src.dir) {
		name := filepath.Base(path)
		if here[name] || slices.Contains(src.earlier, path) || ignoredName(name) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		file, _ := parser.ParseFile(src.fset, path, text, parser.ParseComments|parser.ImportsOnly|parser.SkipObjectResolution)
		if file == nil || file.Name == nil || file.Name.Name != src.types.Name() || ignored(file) {
			continue
		}
		src.aside = append(src.aside, asideFile{path, src.buildConstraint(file), file.Imports, scanDeclared(path, text)})
	}
	return src.aside
}

// declaredName is a name that a file declares at package level.
type declaredName struct {
	name string
	pos  token.Position
}

// scanDeclared returns the names that the text of a file declares at package level. To
// parse all of the tests of a package would take longer than to generate its code.
func scanDeclared(path string, text []byte) []declaredName {
	fset := token.NewFileSet()
	file := fset.AddFile(path, -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	var found []declaredName
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
			found = append(found, declaredName{text, fset.Position(pos)})
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

// ignoredName reports whether the go command ignores files of this name.
func ignoredName(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
}

// addAside takes the names in the files that are part of a build which has the
// generated file of s but not of this build. Of an import without a name it takes the
// one that its path suggests, and of a dot import what the package exports.
func (p *packageScope) addAside(s *service, files []asideFile) {
	for _, f := range files {
		if disjoint(s.constraint, f.constraint) {
			continue
		}
		for _, d := range f.declared {
			if d.name != "_" && d.name != "init" {
				p.aside[d.name] = d.pos
				p.leftOut[d.name] = p.take(d.name, d.pos) || p.leftOut[d.name]
				delete(p.imported, d.name)
			}
		}
		for _, spec := range f.imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			name := likelyName(path)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if name == "." {
				for _, exported := range s.src.exportedBy(path) {
					p.leftOut[exported] = p.take(exported, s.src.fset.Position(spec.Pos())) || p.leftOut[exported]
				}
				continue
			}
			if name != "_" && p.take(name, s.src.fset.Position(spec.Pos())) {
				p.leftOut[name], p.imported[name] = true, true
			}
		}
	}
}

// exportedBy returns the names that the package at path exports in any build. It asks
// the go command where that is, which compiles nothing.
func (src *source) exportedBy(path string) []string {
	if names, known := src.exports[path]; known {
		return names
	}
	var names []string
	cmd := exec.CommandContext(src.imports.ctx, "go", "list", "-e", "-find", "-f", "{{.Dir}}", "--", path)
	cmd.Dir = src.dir
	// A package that is not found is none that compiles.
	out, err := cmd.Output()
	if dir := strings.TrimSpace(string(out)); err == nil && dir != "" {
		for _, at := range goFiles(dir) {
			if file := src.parseOther(at); file != nil && !strings.HasSuffix(at, "_test.go") {
				for _, id := range declaredNames(file) {
					if id.IsExported() {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	src.exports[path] = names
	return names
}

// addOutput takes the names of another file that loopgen wrote, unless no build has
// both.
func (p *packageScope) addOutput(s *service, path string) {
	file := s.src.parseOther(path)
	if file == nil || disjoint(s.constraint, s.src.buildConstraint(file)) {
		return
	}
	for _, id := range declaredNames(file) {
		if id.Name != "_" {
			p.take(id.Name, s.src.fset.Position(id.Pos()))
		}
	}
}

// take marks a name as taken by a declaration at pos. It returns false if it was.
func (p *packageScope) take(name string, pos token.Position) bool {
	if p.taken[name] {
		return false
	}
	p.taken[name], p.declared[name] = true, pos
	return true
}
