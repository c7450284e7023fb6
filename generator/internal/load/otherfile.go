package load

import (
	"go/ast"
	"go/build"
	"path/filepath"
	"slices"
)

// OtherFile is a Go file beside the package's own: one that this build leaves out, or
// one that loopgen wrote. It is part of the package in another build: that of the tests,
// of another system, or with other tags. The generated file is part of that build, too,
// so its names must differ from those that such a file declares or imports.
type OtherFile struct {
	*ast.File
	Constraint string
	Declared   []*ast.Ident // at package level
}

// OtherFiles returns the files that are part of the package in other builds, except those
// at the paths in replaced. Files of other packages in the directory are not among them:
// external tests and scripts.
func (b *Builds) OtherFiles(replaced []string) []OtherFile {
	var others []OtherFile
	for _, path := range GoFiles(b.pkg.Dir) {
		if b.inThisBuild(path) || ignoredName(path) || slices.Contains(replaced, path) {
			continue
		}
		file, _ := b.pkg.files.parse(path)
		if file != nil && file.Name.Name == b.pkg.Types.Name() && !ignored(file) {
			others = append(others, OtherFile{file, b.Constraint(file), declaredNames(file)})
		}
	}
	return others
}

// inThisBuild reports whether one of the package's files is the one at path.
func (b *Builds) inThisBuild(path string) bool {
	return slices.ContainsFunc(b.pkg.Files, func(file *ast.File) bool { return filepath.Base(b.pkg.files.at(file.Package)) == filepath.Base(path) })
}

// Exports returns the names that the package at path exports in any build. It compiles
// nothing.
func (b *Builds) Exports(path string) []string {
	if names, known := b.exports[path]; known {
		return names
	}
	var names []string
	pkg, _ := build.Default.Import(path, b.pkg.Dir, build.FindOnly) // one that is not found has no names
	for _, at := range GoFiles(pkg.Dir) {
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
