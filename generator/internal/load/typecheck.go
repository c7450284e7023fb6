package load

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/types"
	"maps"
	"os"
	"slices"
)

// typeCheck finds the types that the package declares. At first it leaves out imports
// that, by their likely names, only function bodies use; a wrong guess is a type error.
// It checks no bodies: a package in the middle of a change can be shared.
func (p *Package) typeCheck() error {
	for _, all := range []bool{false, true} {
		var needed []string
		for _, file := range p.Files {
			if all {
				needed = append(needed, ImportsOf(file)...)
			} else {
				needed = append(needed, p.neededBy(file)...)
			}
		}
		if err := p.Imports.Load(needed); err != nil {
			return err
		}
		p.Types, p.untyped = p.check(p.Files, false)
		if len(p.untyped) == 0 {
			break
		}
	}
	return nil
}

// check returns the types that files declare, and their type errors. It checks function
// bodies if bodies is set.
func (p *Package) check(files []*ast.File, bodies bool) (*types.Package, []types.Error) {
	var found []types.Error
	cfg := types.Config{
		Importer:         p.Imports,
		IgnoreFuncBodies: !bodies,
		Sizes:            cgoSizes{types.SizesFor("gc", build.Default.GOARCH)},
		Error: func(err error) {
			if e := err.(types.Error); !p.cgo.doubts(e.Pos) {
				found = append(found, e)
			}
		},
	}
	if m := p.listed.Module; m != nil && m.GoVersion != "" {
		cfg.GoVersion = "go" + m.GoVersion
	}
	pkg, _ := cfg.Check(p.Path, p.Fset, files, nil) // its errors were collected
	return pkg, found
}

// Recheck returns the type errors that Files have together with generated files, given
// by path and content, and with earlier output that these do not replace. It returns none
// if Files have no errors without them. A package may use generated names: it has errors
// without them, which are no reason not to generate them.
func (p *Package) Recheck(generated map[string][]byte) []types.Error {
	if len(p.untyped) == 0 {
		return nil
	}
	files := slices.Clone(p.Files)
	add := func(path string, content []byte) {
		if file, _ := parser.ParseFile(p.Fset, path, content, parser.SkipObjectResolution); file != nil {
			files = append(files, file)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(generated)) {
		add(path, generated[path])
	}
	for _, path := range p.Earlier {
		if content, err := os.ReadFile(path); err == nil && generated[path] == nil {
			add(path, content)
		}
	}
	_, found := p.check(files, true)
	return slices.DeleteFunc(found, func(e types.Error) bool { return p.FileOf(e.Pos) == nil })
}
