package generator

import (
	"go/ast"
	"go/build"
	"go/token"
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
	file       *ast.File
	constraint string
}

// parseAside parses the files that this build probably leaves out. It runs beside the
// go command, which says later which files these are.
func (src *source) parseAside(paths []string) map[string]*ast.File {
	files := make(map[string]*ast.File)
	for _, path := range paths {
		files[path] = src.parseOther(path)
	}
	return files
}

// likelyAside returns the paths of the files that this build leaves out, judged
// without the go command.
func (src *source) likelyAside() []string {
	return slices.DeleteFunc(goFiles(src.dir), func(path string) bool {
		if slices.Contains(src.earlier, path) {
			return true
		}
		match, err := build.Default.MatchFile(src.dir, filepath.Base(path))
		return err == nil && match && !strings.HasSuffix(path, "_test.go")
	})
}

// filesAside returns the files of the package that this build leaves out. Files of
// other packages in the directory are not among them: external tests and scripts.
func (src *source) filesAside() []asideFile {
	here := make(map[string]bool)
	for _, file := range src.files {
		here[filepath.Base(src.fset.Position(file.Package).Filename)] = true
	}
	var files []asideFile
	for _, path := range goFiles(src.dir) {
		name := filepath.Base(path)
		if here[name] || slices.Contains(src.earlier, path) || ignoredName(name) {
			continue
		}
		file, parsed := src.aside[path]
		if !parsed {
			file = src.parseOther(path)
		}
		if file == nil || file.Name == nil || file.Name.Name != src.types.Name() || ignored(file) {
			continue
		}
		files = append(files, asideFile{file, src.buildConstraint(file)})
	}
	return files
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
		for _, id := range declaredNames(f.file) {
			if id.Name != "_" && id.Name != "init" {
				p.aside[id.Name] = s.src.fset.Position(id.Pos())
				p.leftOut[id.Name] = p.take(id.Name, p.aside[id.Name]) || p.leftOut[id.Name]
				delete(p.imported, id.Name)
			}
		}
		for _, spec := range f.file.Imports {
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
