package stub

import (
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
)

// mainPath returns the import path of this program's package main. Package reflect
// calls that package "main" in every program, but unrelated programs must not take
// each other's types for their own. It is "command-line-arguments" in a program that
// was built from files instead of a package, and "main" where there is no build
// information. In a test of the package, reflect gives the import path itself.
var mainPath = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "" {
		return "main"
	}
	return info.Path
})

// pkgPath returns the import path of the package that declares t, empty if none does.
func pkgPath(t reflect.Type) string {
	if path := t.PkgPath(); path != "main" {
		return path
	}
	return mainPath()
}

// pathName returns import path and name of t, which has a name.
func pathName(t reflect.Type) string { return pkgPath(t) + "." + withMainPath(t.Name()) }

// separators are what stands around the words of a type's name.
const separators = "[]*,(){} ;"

// withMainPath replaces "main" by mainPath in the type arguments that are a part of
// a type's name.
func withMainPath(name string) string {
	if !strings.Contains(name, "main.") {
		return name
	}
	var b strings.Builder
	for name != "" {
		end := strings.IndexAny(name, separators)
		if end < 0 {
			end = len(name)
		}
		word, ok := strings.CutPrefix(name[:end], "main.")
		// Behind an import path such as main.org/x there is another dot or slash.
		if ok && !strings.ContainsAny(word, "./") {
			b.WriteString(mainPath() + ".")
		} else {
			word = name[:end]
		}
		b.WriteString(word)
		if end < len(name) {
			b.WriteByte(name[end])
			end++
		}
		name = name[end:]
	}
	return b.String()
}
