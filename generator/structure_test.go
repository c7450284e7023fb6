package generator

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// rooms are the packages from here down, and the packages of this module that each may
// import. The runtime is not among them, but for the package that spells types.
var rooms = map[string][]string{
	".":              {"generator/internal/check", "generator/internal/emit", "generator/internal/load", "rt/schema"},
	"internal/check": {"generator/internal/load"},
	"internal/emit":  {},
	"internal/load":  {},
}

// outside are the packages by which a program reaches files, other programs and the go
// command. Only package load imports them.
var outside = []string{"go/build", "go/build/constraint", "go/importer", "golang.org/x/tools/go/packages",
	"io/fs", "io/ioutil", "net", "os", "os/exec", "os/signal", "syscall"}

// sourceFiles returns the files of a package of the generator by their names, without
// tests.
func sourceFiles(t *testing.T, fset *token.FileSet, dir string) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]*ast.File)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = file
	}
	return files
}

// TestLayers fails on an import that leads up, to the runtime, or out of the process.
func TestLayers(t *testing.T) {
	const module = "github.com/loopgen/loopgen/"
	found := 0
	err := filepath.WalkDir(".", func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || entry.Name() == "testdata" {
			return err
		}
		fset := token.NewFileSet()
		files := sourceFiles(t, fset, dir)
		if len(files) == 0 {
			return nil
		}
		allowed, known := rooms[filepath.ToSlash(dir)]
		if !known {
			t.Errorf("%s is a package that this test does not know", dir)
		}
		found++
		for _, file := range files {
			for _, spec := range file.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				at := fset.Position(spec.Pos())
				if own, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(allowed, own) {
					t.Errorf("%s: %s may not import %s", at, dir, own)
				}
				if slices.Contains(outside, imported) && filepath.ToSlash(dir) != "internal/load" {
					t.Errorf("%s: only package load may import %s", at, imported)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found != len(rooms) {
		t.Errorf("found %d packages, want %d", found, len(rooms))
	}
}

// TestMap compares the map in the comment of each package that has a doc.go with its files.
func TestMap(t *testing.T) {
	for dir := range rooms {
		files := sourceFiles(t, token.NewFileSet(), dir)
		if files["doc.go"] == nil {
			continue
		}
		_, text, ok := strings.Cut(files["doc.go"].Doc.Text(), "# Map\n")
		if !ok {
			t.Errorf("%s: doc.go has no map", dir)
		}
		text, _, _ = strings.Cut(text, "\n# ")
		listed := regexp.MustCompile(`\b[\w*]+\.go\b`).FindAllString(text, -1)
		used := make(map[string]bool)
		for name := range files {
			pattern := slices.IndexFunc(listed, func(pattern string) bool {
				match, _ := path.Match(pattern, name)
				return match
			})
			switch {
			case pattern >= 0:
				used[listed[pattern]] = true
			case name != "doc.go":
				t.Errorf("%s: doc.go does not list %s", dir, name)
			}
		}
		for _, name := range listed {
			if !used[name] {
				t.Errorf("%s: doc.go lists %s, which does not exist", dir, name)
			}
		}
	}
}

// TestSizes fails on a type with more than 20 methods and on a function that does not fit
// a screen.
func TestSizes(t *testing.T) {
	for dir := range rooms {
		fset := token.NewFileSet()
		methods := make(map[string]int)
		for _, file := range sourceFiles(t, fset, dir) {
			for _, decl := range file.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; n > 60 {
					t.Errorf("%s: %s has %d lines, want at most 60", fset.Position(fn.Pos()), fn.Name.Name, n)
				}
				if fn.Recv != nil {
					methods[load.BaseName(fn.Recv.List[0].Type)]++
				}
			}
		}
		for name, n := range methods {
			if n > 20 {
				t.Errorf("%s: %s has %d methods, want at most 20", dir, name, n)
			}
		}
	}
}
