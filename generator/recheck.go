package generator

import (
	"go/ast"
	"go/parser"
	"go/types"
	"os"
	"slices"
	"strings"
)

// recheck returns the type errors of the user's files that the generated ones
// do not mend. A package may use the generated names itself: without them it
// does not compile, which is no reason not to generate them.
func (src *source) recheck(generated []File) []types.Error {
	if len(src.pkg.TypeErrors) == 0 {
		return nil
	}
	var files []*ast.File
	for _, file := range src.pkg.Syntax {
		if !slices.Contains(src.earlier, src.fset.Position(file.Package).Filename) {
			files = append(files, file)
		}
	}
	users := len(files)
	fresh := make(map[string]bool)
	add := func(path string, content any) {
		if file, _ := parser.ParseFile(src.fset, path, content, parser.SkipObjectResolution); file != nil {
			files = append(files, file)
		}
	}
	for _, f := range generated {
		fresh[f.Path] = true
		add(f.Path, f.Content)
	}
	for _, path := range src.earlier {
		if content, err := os.ReadFile(path); err == nil && !fresh[path] {
			add(path, content)
		}
	}
	expected := src.expectedNames()
	var broken []types.Error
	cfg := types.Config{
		Importer:  importer(src.importPackage),
		Sizes:     src.pkg.TypesSizes,
		GoVersion: src.goVersion(),
		// The generated code of cgo packages is among the files.
		Error: func(err error) {
			e := err.(types.Error)
			inUsers := slices.ContainsFunc(files[:users], func(f *ast.File) bool { return f.FileStart <= e.Pos && e.Pos < f.FileEnd })
			name, undefined := strings.CutPrefix(e.Msg, "undefined: ")
			if inUsers && !(undefined && expected[name]) {
				broken = append(broken, e)
			}
		},
	}
	_, _ = cfg.Check(src.types.Path(), src.fset, files, nil) // its errors were collected
	return broken
}

// expectedNames are what loopgen would declare for any type of the package,
// and for the names that //go:generate lines give with -name: another run may
// still have to generate them.
func (src *source) expectedNames() map[string]bool {
	bases := src.types.Scope().Names()
	for _, file := range src.pkg.Syntax {
		for _, group := range file.Comments {
			for _, c := range group.List {
				words := strings.Fields(c.Text)
				if len(words) == 0 || words[0] != "//go:generate" {
					continue
				}
				for i, word := range words {
					if flag := strings.TrimLeft(word, "-"); flag == "name" && i+1 < len(words) {
						bases = append(bases, words[i+1])
					} else if name, ok := strings.CutPrefix(flag, "name="); ok {
						bases = append(bases, name)
					}
				}
			}
		}
	}
	names := make(map[string]bool)
	for _, base := range bases {
		for _, name := range publicNames(base) {
			names[name] = true
		}
	}
	return names
}

type importer func(path string) (*types.Package, error)

func (i importer) Import(path string) (*types.Package, error) { return i(path) }

// importPackage finds a package among the imports of the user's files. Others,
// which only generated files import, stay unknown; what they cause are errors
// in generated files.
func (src *source) importPackage(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if pkg := src.pkg.Imports[path]; pkg != nil && pkg.Types != nil && pkg.Types.Complete() {
		return pkg.Types, nil
	}
	return nil, os.ErrNotExist
}

func (src *source) goVersion() string {
	if m := src.pkg.Module; m != nil && m.GoVersion != "" {
		return "go" + m.GoVersion
	}
	return ""
}
