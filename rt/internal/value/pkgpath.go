package value

import (
	"reflect"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/loopgen/loopgen/rt/schema"
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
func pkgPath(t reflect.Type) string { return importPath(t.PkgPath()) }

// pathName returns the import path and name of t, which must have a name.
func pathName(t reflect.Type) string { return pkgPath(t) + "." + WithImportPaths(t.Name()) }

// WithImportPaths returns the name of a type, as the compiler spells it, with import paths
// in its type arguments. It may be called concurrently.
func WithImportPaths(name string) string { return schema.Rename(name, importPath) }

// importPath returns the import path of a package that has path in the name of a type.
func importPath(path string) string {
	if path == "main" {
		return mainPath()
	}
	return strings.ReplaceAll(path, "%2e", ".") // the compiler escapes dots in the last element
}
