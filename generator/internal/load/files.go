package load

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// files parses Go files, each of them once.
type files struct {
	fset   *token.FileSet
	parsed map[string]*parsedFile // by path
	heads  map[string]*ast.File   // of files not parsed, as far as the package clause
}

type parsedFile struct {
	file      *ast.File
	err       error
	functions declarations // once they are needed
}

func newFiles() *files {
	return &files{fset: token.NewFileSet(), parsed: make(map[string]*parsedFile), heads: make(map[string]*ast.File)}
}

// parse returns the file at path. With an error it returns the part that could be
// parsed, or nil.
func (f *files) parse(path string) (*ast.File, error) {
	p := f.parsed[path]
	if p == nil {
		p = new(parsedFile)
		p.file, p.err = parser.ParseFile(f.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		f.parsed[path] = p
	}
	return p.file, p.err
}

// functions returns the functions and methods that the file at path declares.
func (f *files) functions(path string) declarations {
	file, _ := f.parse(path)
	p := f.parsed[path]
	if p.functions == nil && file != nil {
		p.functions = make(declarations)
		p.functions.add(file)
	}
	return p.functions
}

// head returns the file at path, parsed as far as its package clause at least, or nil.
func (f *files) head(path string) *ast.File {
	if p, ok := f.parsed[path]; ok {
		return p.file
	}
	file, ok := f.heads[path]
	if !ok {
		file, _ = parser.ParseFile(f.fset, path, nil, parser.ParseComments|parser.PackageClauseOnly)
		f.heads[path] = file
	}
	return file
}

// at returns the path of the file that has pos.
func (f *files) at(pos token.Pos) string { return f.fset.Position(pos).Filename }

// GoFiles returns the paths of the Go files in dir, sorted.
func GoFiles(dir string) []string {
	var paths []string
	entries, _ := os.ReadDir(dir) // without dir there are none
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".go") {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	return paths
}

// isTest reports whether the go command takes the file at path for a test.
func isTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

// ignoredName reports whether the go command ignores the file at path because of its name.
func ignoredName(path string) bool { return strings.ContainsAny(filepath.Base(path)[:1], "_.") }

// Exists reports whether there is a file at path.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// SameFile reports whether both paths lead to one file or directory.
func SameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
