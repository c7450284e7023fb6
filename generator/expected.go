package generator

import (
	"go/types"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/load"
)

// brokenCode returns the type errors that remain in the user's files beside the
// generated ones.
func brokenCode(pkg *load.Package, generated []File) []types.Error {
	contents := make(map[string][]byte)
	for _, f := range generated {
		contents[f.Path] = f.Content
	}
	found := pkg.Recheck(contents)
	if len(found) == 0 {
		return nil
	}
	expected := expectedNames(pkg)
	return slices.DeleteFunc(found, func(e types.Error) bool {
		name, undefined := strings.CutPrefix(e.Msg, "undefined: ")
		return undefined && expected[name]
	})
}

// expectedNames are the names that loopgen would declare for any type of the package,
// and for the names that //go:generate lines give with -name and -type. Another run may
// still have to generate them.
func expectedNames(pkg *load.Package) map[string]bool {
	bases := pkg.Types.Scope().Names()
	for _, file := range pkg.Files {
		for line := range check.GenerateLines(file) {
			words := strings.Fields(line.Text)
			for i, word := range words[1:] {
				flag, value, ok := strings.Cut(strings.TrimLeft(word, "-"), "=")
				if !ok && i+2 < len(words) {
					value = words[i+2]
				}
				if flag == "name" || flag == "type" {
					check.EachName(value, func(_, name string) string {
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
