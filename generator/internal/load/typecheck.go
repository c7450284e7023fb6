package load

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/types"
	"iter"
	"os"
	"slices"
)

// typeCheck finds the types that the package declares. What only function bodies
// import is left out at first; it may turn out that a name was guessed wrong.
// Bodies are looked at only if the declarations are wrong, to say all that is: a
// package in the middle of a change can be shared as well.
func (p *Package) typeCheck() error {
	for _, look := range []struct{ imports, bodies bool }{{false, false}, {true, false}, {true, true}} {
		var needed []string
		for _, file := range p.Files {
			if look.imports {
				needed = append(needed, ImportsOf(file)...)
			} else {
				needed = append(needed, p.neededBy(file)...)
			}
		}
		if err := p.Imports.Load(needed); err != nil {
			return err
		}
		p.Types, p.untyped = p.check(p.Files, look.bodies)
		if len(p.untyped) == 0 {
			break
		}
	}
	return nil
}

// check returns the types that files declare, and what is wrong with them; with
// their function bodies if bodies is set.
func (p *Package) check(files []*ast.File, bodies bool) (*types.Package, []types.Error) {
	var found []types.Error
	sizes := &cgoSizes{Sizes: types.SizesFor("gc", build.Default.GOARCH)}
	cfg := types.Config{
		Importer:         p.Imports,
		IgnoreFuncBodies: !bodies,
		Sizes:            sizes,
		Error: func(err error) {
			if e := err.(types.Error); !sizes.refused() && !p.cgo.doubts(e.Pos) {
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
func (p *Package) Recheck(generated iter.Seq2[string, []byte]) []types.Error {
	if len(p.untyped) == 0 {
		return nil
	}
	files := slices.Clone(p.Files)
	add := func(path string, content []byte) {
		if file, _ := parser.ParseFile(p.Fset, path, content, parser.SkipObjectResolution); file != nil {
			files = append(files, file)
		}
	}
	fresh := make(map[string]bool)
	for path, content := range generated {
		fresh[path] = true
		add(path, content)
	}
	for _, path := range p.Earlier {
		if content, err := os.ReadFile(path); err == nil && !fresh[path] {
			add(path, content)
		}
	}
	_, found := p.check(files, true)
	return slices.DeleteFunc(found, func(e types.Error) bool { return p.FileOf(e.Pos) == nil })
}
