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
	if len(src.untyped) == 0 {
		return nil
	}
	files := slices.Clone(src.files)
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
	_, found := src.check(files, true)
	return slices.DeleteFunc(found, func(e types.Error) bool {
		inUsers := slices.ContainsFunc(files[:users], func(f *ast.File) bool { return f.FileStart <= e.Pos && e.Pos < f.FileEnd })
		name, undefined := strings.CutPrefix(e.Msg, "undefined: ")
		return !inUsers || undefined && expected[name]
	})
}

// expectedNames are what loopgen would declare for any type of the package,
// and for the names that //go:generate lines give with -name and -type: another
// run may still have to generate them.
func (src *source) expectedNames() map[string]bool {
	bases := src.types.Scope().Names()
	for _, file := range src.files {
		for line := range generateLines(file) {
			words := strings.Fields(line.Text)
			for i, word := range words[1:] {
				flag, value, ok := strings.Cut(strings.TrimLeft(word, "-"), "=")
				if !ok && i+2 < len(words) {
					value = words[i+2]
				}
				if flag == "name" || flag == "type" {
					eachName(value, func(_, name string) string {
						bases = append(bases, name)
						return ""
					})
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
