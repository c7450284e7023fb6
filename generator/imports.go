package generator

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
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// imports finds the types of imported packages in the export data that the go
// command keeps in its cache. That of one package tells all about the types of
// others that it mentions, so only direct imports are asked for, and of them those
// that declarations use: to ask for one takes the go command time for each package
// that it needs in turn. What else those others declare is asked for by complete.
//
// One goroutine uses it at a time.
type imports struct {
	compiled types.Importer
	ctx      context.Context
	src      *source
	listed   map[string]listed
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath string
	Export     string
	Deps       []string
	Dir, Root  string
	Standard   bool
	Error      *struct{ Err string }
	DepsErrors []struct{ Err string }
}

func newImports(ctx context.Context, src *source) *imports {
	i := &imports{ctx: ctx, src: src, listed: make(map[string]listed)}
	i.compiled = importer.ForCompiler(src.fset, "gc", i.open)
	return i
}

// Import returns the package at path, or an empty one if it was not asked for.
func (i *imports) Import(path string) (*types.Package, error) {
	if path == cgoImport && i.src.cgo != nil {
		return i.src.cgo.pkg, nil
	}
	if _, asked := i.listed[path]; asked || path == "unsafe" {
		return i.compiled.Import(path)
	}
	empty := types.NewPackage(path, likelyName(path))
	empty.MarkComplete()
	return empty, nil
}

// complete makes p, which was imported, declare all that it exports. The export data
// of a package tells only as much of another one as the first uses of it. If p
// cannot be loaded, it stays as it is.
func (i *imports) complete(p *types.Package) {
	if p.Complete() || p == i.src.types || i.load([]string{p.Path()}) != nil {
		return
	}
	i.Import(p.Path()) // adds to p itself, by its path
}

// load asks for the export data of the packages at paths.
func (i *imports) load(paths []string) error {
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
	cmd.Dir = i.src.dir
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
	// What was not answered is not asked again.
	for _, path := range args[fixed:] {
		if _, answered := i.listed[path]; !answered {
			i.listed[path] = listed{}
		}
	}
	return nil
}

// dependsOn reports whether package path, which was loaded, needs another one,
// or is that.
func (i *imports) dependsOn(path, other string) bool {
	return path == other || slices.Contains(i.listed[path].Deps, other)
}

// open returns the export data of the package that the user's files import as
// path; it is what the compiler's own importer asks for.
func (i *imports) open(path string) (io.ReadCloser, error) {
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

// likelyImports returns what the declarations in the directory's files need,
// judged without the go command: build tags that it is given by its environment
// are not seen.
func (src *source) likelyImports() []string {
	entries, _ := os.ReadDir(src.dir) // no files: nothing likely
	var paths []string
	for _, e := range entries {
		name := e.Name()
		path := filepath.Join(src.dir, name)
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || slices.Contains(src.earlier, path) {
			continue
		}
		if match, err := build.Default.MatchFile(src.dir, name); err != nil || !match {
			continue
		}
		if file, _ := src.parseFile(path); file != nil {
			paths = append(paths, importsOf(file, usedOutside(file))...)
			paths = append(paths, waitingImports(file)...)
		}
	}
	return paths
}

// importsOf returns the packages that a file imports. If used is not nil, those
// are left out whose likely names are not in it.
func importsOf(file *ast.File, used map[string]bool) []string {
	var paths []string
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil || path == "" || strings.HasPrefix(path, "-") || build.IsLocalImport(path) {
			continue
		}
		name := likelyName(path)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if used == nil || used[name] || name == "." {
			paths = append(paths, path)
		}
	}
	return paths
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

// likelyName returns the name that a package at path probably has. A wrong guess
// costs time and no more, see source.typeCheck.
func likelyName(importPath string) string {
	dir, name := path.Split(importPath)
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" && dir != "" {
		name = path.Base(dir)
	}
	if name, _, ok := strings.Cut(name, ".v"); ok { // gopkg.in/yaml.v3
		return name
	}
	return name
}

// standard reports whether a package is of the standard library, judged by its
// path: others have a dot in the first element, but for those of this module.
func (src *source) standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	m := src.pkg.Module
	return !strings.Contains(first, ".") && (m == nil || importPath != m.Path && !strings.HasPrefix(importPath, m.Path+"/"))
}
