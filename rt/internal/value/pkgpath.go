package value

import (
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
)

// mainPath returns the import path of this program's package main. Package reflect
// calls that package "main" in every program, but unrelated programs must not confuse
// each other's types. mainPath is "command-line-arguments" in a program that was built
// from files, and "main" without build information. In a test of the package, reflect
// returns the import path itself.
var mainPath = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "" {
		return "main"
	}
	return info.Path
})

// pkgPath returns the import path of the package that declares t, or "" if t is not
// declared in a package.
func pkgPath(t reflect.Type) string {
	if path := t.PkgPath(); path != "main" {
		return path
	}
	return mainPath()
}

// PathName returns the import path and name of t, which must have a name. It may be called
// concurrently.
func PathName(t reflect.Type) string { return pkgPath(t) + "." + withMainPath(t.Name()) }

// separators are the characters around the words of a type's name.
const separators = "[]*,(){} ;"

// withMainPath replaces "main" by mainPath in the type arguments in a type's name.
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
		// An import path such as main.org/x continues with another dot or slash.
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
