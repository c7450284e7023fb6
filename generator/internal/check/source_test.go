package check

import (
	"go/build"
	"go/importer"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// sourceOf returns a package with one file of the text, and one for Linux if it has a
// second part after a line "-- linux --".
func sourceOf(t *testing.T, text string, specs ...string) *Source {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	all, linux, hasLinux := strings.Cut(text, "-- linux --\n")
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	write("p.go", all)
	if hasLinux {
		write("l.go", "//go:build linux\n\npackage p\n"+linux)
	}
	pkg, err := load.FromFiles(t.Context(), "example.com/p", standardFset, standard(t), paths...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkg.Problems {
		t.Fatal(p)
	}
	return newSource(pkg, SpecsOf(specs))
}

// standardFset and standardPackages are the same in all tests, so that each package of the
// standard library is checked once.
var (
	standardFset     = token.NewFileSet()
	standardPackages = importer.ForCompiler(standardFset, "source", nil)
)

// standard returns what checks packages of the standard library from their source. The
// test cannot run the go command.
func standard(t *testing.T) types.Importer {
	t.Setenv("PATH", "")
	cgo := build.Default.CgoEnabled
	build.Default.CgoEnabled = false // or package net would need the cgo command
	t.Cleanup(func() { build.Default.CgoEnabled = cgo })
	return standardPackages
}

// judged returns what NewService makes of the one type of src, and its diagnostics
// without those about the method M: "severity: subject: reason; remedy".
func judged(t *testing.T, src *Source, o *Options) (*Service, []string) {
	t.Helper()
	r := &Reporter{Fset: src.Fset, Verbose: true}
	found := FindTarget(r, src, src.Specs[0])
	if found == nil {
		t.Fatal(r.Sorted())
	}
	s := NewService(r, o, src, found, filepath.Join(src.Dir, "t_loop.go"), make(map[string]bool))
	var said []string
	for _, d := range r.Sorted() {
		if d.Method != "M" {
			d.Pos = token.Position{}
			d.Place = ""
			said = append(said, d.String())
		}
	}
	return s, said
}

// saysUntil reports whether a diagnostic is the one wanted, as far as its remedy. One that
// ends in "a build for" may go on.
func saysUntil(diagnostic, wanted string) bool {
	return diagnostic == wanted || strings.HasPrefix(diagnostic, wanted+";") || wanted == "" ||
		strings.HasSuffix(wanted, " a build for") && strings.HasPrefix(diagnostic, wanted)
}
