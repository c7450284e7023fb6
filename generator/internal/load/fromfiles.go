package load

import (
	"context"
	"go/build"
	"go/token"
	"go/types"
	"path/filepath"

	"golang.org/x/tools/go/packages"
)

// FromFiles loads a package from the files at paths, which may import packages of the
// standard library alone. It does not run the go command: imports finds the imported
// packages, whose positions are in fset. The package is the only one of its module. An
// error is one of syntax; type errors are lost. Tests use it.
func FromFiles(ctx context.Context, importPath string, fset *token.FileSet, imports types.Importer, paths ...string) (*Package, error) {
	p := &Package{Dir: filepath.Dir(paths[0]), Fset: fset, files: newFiles()}
	p.files.fset = fset
	p.Imports, p.Builds, p.Bodies = newImports(ctx, p), newBuilds(ctx, p), newBodies(p)
	p.Imports.compiled = imports
	p.listed = &packages.Package{PkgPath: importPath, GoFiles: paths, Module: &packages.Module{Path: importPath, Main: true}}
	for _, path := range paths {
		file, err := p.files.parse(path)
		if err != nil {
			return nil, err
		}
		for _, imported := range ImportsOf(file) {
			p.Imports.listed[imported] = listed{ImportPath: imported, Root: build.Default.GOROOT, Standard: true}
		}
	}
	return p, p.read()
}
