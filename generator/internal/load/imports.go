package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/types"
	"io"
	"iter"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Imports finds the types of imported packages in the export data that the go
// command keeps in its cache. The export data of one package tell all about the types
// of others that it mentions. So only direct imports are asked for, and of them those
// that declarations use: for each one the go command also lists all of its
// dependencies. Complete loads the rest.
type Imports struct {
	compiled types.Importer
	ctx      context.Context
	pkg      *Package // that imports them
	listed   map[string]listed
}

// listed is the answer of the go command about a package.
type listed struct {
	ImportPath string
	Export     string
	Deps       []string
	Dir, Root  string
	Standard   bool
	Error      *struct{ Err string }
	DepsErrors []struct{ Err string }
}

func newImports(ctx context.Context, pkg *Package) *Imports {
	i := &Imports{ctx: ctx, pkg: pkg, listed: make(map[string]listed)}
	i.compiled = importer.ForCompiler(pkg.Fset, "gc", i.open)
	return i
}

// Import returns the package at path, or an empty one if Load was not asked for it. Its
// error says why the package does not compile.
func (i *Imports) Import(path string) (*types.Package, error) {
	if path == CPath && i.pkg.cgo != nil {
		return i.pkg.cgo.pkg, nil
	}
	if _, asked := i.listed[path]; asked || path == "unsafe" {
		return i.compiled.Import(path)
	}
	empty := types.NewPackage(path, LikelyName(path))
	empty.MarkComplete()
	return empty, nil
}

// Complete makes p, which was imported, declare all that it exports. The export data
// of a package tell only as much of another one as the first uses of it. If p
// cannot be loaded, it stays as it is.
func (i *Imports) Complete(p *types.Package) {
	if p.Complete() || p == i.pkg.Types || i.Load([]string{p.Path()}) != nil {
		return
	}
	i.Import(p.Path()) // adds to p itself, by its path
}

// Load asks for the export data of the packages at paths. An error is one of the go
// command; why a single package cannot be used is the error of Import.
func (i *Imports) Load(paths []string) error {
	args := []string{"list", "-e", "-export", "-buildvcs=false", "-json=ImportPath,Export,Deps,Dir,Root,Standard,Error,DepsErrors", "--"}
	fixed := len(args)
	for _, path := range paths {
		_, known := i.listed[path]
		if !known && path != "C" && path != "unsafe" && !slices.Contains(args[fixed:], path) {
			args = append(args, path)
		}
	}
	if len(args) == fixed {
		return nil
	}
	cmd := exec.CommandContext(i.ctx, "go", args...)
	cmd.Dir = i.pkg.Dir
	if os.Getenv("GOGC") == "" {
		// It lives for some fifty milliseconds, a fifth of them spent on
		// collecting garbage.
		cmd.Env = append(os.Environ(), "GOGC=400")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && proposesCommand(stderr.String()) {
		return errIncomplete
	}
	if err != nil {
		return fmt.Errorf("asking the go command for imported packages: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("reading what the go command says of imported packages: %w", err)
		}
		i.listed[l.ImportPath] = l
	}
	// A path without an answer is not asked for again.
	for _, path := range args[fixed:] {
		if _, answered := i.listed[path]; !answered {
			i.listed[path] = listed{}
		}
	}
	return nil
}

// DependsOn reports whether package path, which was loaded, needs another one,
// or is that.
func (i *Imports) DependsOn(path, other string) bool {
	return path == other || slices.Contains(i.listed[path].Deps, other)
}

// open returns the export data of the package that the user's files import as
// path. The compiler's own importer calls it.
func (i *Imports) open(path string) (io.ReadCloser, error) {
	l := i.listed[path]
	if err := l.incomplete(); err != nil {
		return nil, err
	}
	if l.Error != nil {
		return nil, errors.New(strings.TrimSpace(l.Error.Err))
	}
	if l.Export == "" {
		return nil, errors.New("it does not compile")
	}
	return os.Open(l.Export)
}

// likelyImports returns the packages that declarations in the directory's files need.
// It does not ask the go command, and so does not see build tags in its environment.
func (p *Package) likelyImports() []string {
	var paths []string
	for _, path := range GoFiles(p.Dir) {
		if isTest(path) || slices.Contains(p.Earlier, path) {
			continue
		}
		if match, err := build.Default.MatchFile(p.Dir, filepath.Base(path)); err != nil || !match {
			continue
		}
		if file, _ := p.files.parse(path); file != nil {
			paths = append(paths, p.neededBy(file)...)
		}
	}
	return paths
}

// neededBy returns the packages that declarations in file need, and those of
// Config.InBodies that it imports.
func (p *Package) neededBy(file *ast.File) []string {
	paths := importsOf(file, usedOutside(file))
	for _, path := range ImportsOf(file) {
		if slices.Contains(p.config.InBodies, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// ImportsOf returns the packages that a file imports.
func ImportsOf(file *ast.File) []string { return importsOf(file, nil) }

// importsOf returns the packages that a file imports. If used is not nil, it
// leaves out those whose likely names are not in used.
func importsOf(file *ast.File, used map[string]bool) []string {
	var paths []string
	for name, path := range ImportNames(file) {
		if path != "" && !strings.HasPrefix(path, "-") && !build.IsLocalImport(path) && (used == nil || used[name] || name == ".") {
			paths = append(paths, path)
		}
	}
	return paths
}

// ImportNames returns the imports of a file, each as the name that the file gives it, or
// else the likely one, and the path.
func ImportNames(file *ast.File) iter.Seq2[string, string] {
	return func(yield func(name, path string) bool) {
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value) // the file was parsed
			name := LikelyName(path)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if !yield(name, path) {
				return
			}
		}
	}
}

// usedOutside returns the names before a dot that a file uses outside of
// function bodies.
func usedOutside(file *ast.File) map[string]bool {
	used := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			return false
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok {
				used[id.Name] = true
			}
		}
		return true
	})
	return used
}

// LikelyName returns the name that a package at path probably has. A wrong guess
// costs time and no more, see Package.typeCheck.
func LikelyName(importPath string) string {
	dir, name := path.Split(importPath)
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" && dir != "" {
		name = path.Base(dir)
	}
	if name, _, ok := strings.Cut(name, ".v"); ok { // gopkg.in/yaml.v3
		return name
	}
	return name
}

// Standard reports whether a package is of the standard library, judged by its
// path: that of another module has a dot in its first element.
func (i *Imports) Standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".") && !i.pkg.InModule(importPath)
}

// sourcePath returns the path of the file of package p that export data call name. A
// name has no directory if its package was compiled with -trimpath, as the standard
// library is.
func (i *Imports) sourcePath(p *types.Package, name string) string {
	if dir := i.listed[p.Path()].Dir; dir != "" {
		return filepath.Join(dir, path.Base(filepath.ToSlash(name)))
	}
	if inside, ok := strings.CutPrefix(name, "$GOROOT/"); ok {
		return filepath.Join(i.goroot(), inside)
	}
	return name
}

// goroot is the directory of the standard library that the go command uses.
func (i *Imports) goroot() string {
	for _, l := range i.listed {
		if l.Standard {
			return l.Root
		}
	}
	return build.Default.GOROOT
}
