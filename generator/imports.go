package generator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/gcexportdata"
)

// imports finds the types of imported packages in the export data that the go
// command keeps in its cache. That of one package tells all about the others
// it needs, so only direct imports are asked for.
//
// One goroutine uses it at a time.
type imports struct {
	ctx      context.Context
	src      *source
	listed   map[string]listed
	packages map[string]*types.Package // shared by all imports: one identity for each package
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath string
	Export     string
	Error      *struct{ Err string }
}

func newImports(ctx context.Context, src *source) *imports {
	return &imports{ctx: ctx, src: src, listed: make(map[string]listed), packages: make(map[string]*types.Package)}
}

// load asks for the export data of the packages at paths.
func (i *imports) load(paths []string) error {
	args := []string{"list", "-e", "-export", "-buildvcs=false", "-json=ImportPath,Export,Error", "--"}
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
		i.listed[path] = i.listed[path]
	}
	return nil
}

// Import returns the types of the package that the user's files import as path.
func (i *imports) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if pkg := i.packages[path]; pkg != nil && pkg.Complete() {
		return pkg, nil
	}
	l := i.listed[path]
	if l.Error != nil {
		return nil, errors.New(strings.TrimSpace(l.Error.Err))
	}
	if l.Export == "" {
		return nil, errors.New("it does not compile")
	}
	f, err := os.Open(l.Export)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gcexportdata.NewReader(f)
	if err != nil {
		return nil, err
	}
	return gcexportdata.Read(r, i.src.fset, i.packages, path)
}

// likelyImports returns what the files of the directory import, judged without
// the go command: build tags that it is given by its environment are not seen.
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
		file, _ := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if file != nil {
			paths = append(paths, importsOf(file)...)
		}
	}
	return paths
}

func importsOf(file *ast.File) []string {
	var paths []string
	for _, spec := range file.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil && path != "" && !strings.HasPrefix(path, "-") && !build.IsLocalImport(path) {
			paths = append(paths, path)
		}
	}
	return paths
}
