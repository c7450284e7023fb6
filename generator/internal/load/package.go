package load

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Config names the package that Load loads.
type Config struct {
	Dir     string // to work in; empty means the current one
	Pattern string // names the package as the go command would; empty means the one in Dir
	// Needed are import paths of packages that are loaded whether or not a file imports
	// them.
	Needed []string
	// InBodies are import paths of packages that are loaded even if only function bodies
	// of a file need them.
	InBodies []string
}

// Package is the package that declares the types, as it is without the files that
// loopgen wrote.
type Package struct {
	Path     string
	Dir      string // absolute
	Fset     *token.FileSet
	Files    []*ast.File // of this build
	Types    *types.Package
	Decls    map[token.Pos]*ast.FuncDecl // of Files, by the position of the name
	Earlier  []string                    // paths of the files that loopgen wrote
	UsesC    bool                        // a file imports package C
	Problems []Problem                   // if there are any, Types is not to be relied on

	Imports *Imports
	Builds  *Builds
	Bodies  *Bodies

	config    Config
	listed    *packages.Package
	files     *files
	functions declarations  // of Files
	cgo       *cgoView      // nil in a package without cgo
	untyped   []types.Error // type errors
}

// Problem is a reason why a package cannot be read.
type Problem struct {
	Pos token.Position // invalid where the problem has no place
	Msg string
}

// Load loads the one package that cfg names. Its error is for a package that is not
// found, a pattern for several packages, and a go command that fails. Faults of the
// package itself are among its Problems. It may be called concurrently.
func Load(ctx context.Context, cfg Config) (*Package, error) {
	if cfg.Pattern == "" {
		cfg.Pattern = "."
	}
	if strings.HasSuffix(cfg.Pattern, ".go") {
		return nil, fmt.Errorf("%s is a file: give the directory or import path of its package", cfg.Pattern)
	}
	if strings.Contains(cfg.Pattern, "...") {
		return nil, fmt.Errorf("%s may match several packages: run loopgen once for each", cfg.Pattern)
	}
	if err := refuseOverlay(); err != nil {
		return nil, err
	}
	dir, err := packageDir(ctx, cfg.Dir, cfg.Pattern)
	if err != nil {
		return nil, err
	}
	p := &Package{Dir: dir, Earlier: earlierOutput(dir), config: cfg, files: newFiles()}
	p.Fset = p.files.fset
	p.Imports, p.Builds, p.Bodies = newImports(ctx, p), newBuilds(ctx, p), newBodies(p)
	// Two go commands run at once, each of which takes most of the time that loopgen
	// takes: one lists the package, the other finds the export data of likely imports.
	listing := make(chan error, 1)
	go func() {
		var err error
		p.listed, err = p.list(ctx)
		listing <- err
	}()
	needed := append(p.likelyImports(), cfg.Needed...)
	if len(needed) > 0 {
		needed = append(needed, "io") // most interfaces in signatures are of this package: see Imports.Complete
	}
	asked := p.Imports.Load(needed)
	if err := <-listing; err != nil {
		return nil, err
	}
	if asked != nil { // both go commands fail alike, so the first error is enough
		return nil, asked
	}
	return p, p.read()
}

// read parses the package's files and checks its types.
func (p *Package) read() error {
	p.Path = p.listed.PkgPath
	for _, path := range p.listed.GoFiles {
		if slices.Contains(p.Earlier, path) {
			continue
		}
		file, err := p.files.parse(path)
		if err != nil {
			p.unparsed(err)
		}
		if file != nil {
			p.Files = append(p.Files, file)
		}
	}
	if len(p.Problems) == 0 {
		p.unlisted()
	}
	p.cgo = viewCgo(p.Files)
	p.UsesC = p.cgo != nil
	p.Decls, p.functions = make(map[token.Pos]*ast.FuncDecl), make(declarations)
	for _, file := range p.Files {
		p.functions.add(file)
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				p.Decls[fn.Name.Pos()] = fn
			}
		}
	}
	return p.typeCheck()
}

// unparsed adds syntax errors to the problems.
func (p *Package) unparsed(err error) {
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		p.Problems = append(p.Problems, Problem{Msg: err.Error()})
	}
	for _, e := range list {
		p.Problems = append(p.Problems, Problem{e.Pos, e.Msg})
	}
}

// unlisted adds the errors of the go command to the problems.
func (p *Package) unlisted() {
	for _, e := range p.listed.Errors {
		problem := Problem{parsePosition(e.Pos), strings.TrimSpace(e.Msg)}
		if !slices.Contains(p.Problems, problem) {
			p.Problems = append(p.Problems, problem)
		}
	}
}

// parsePosition reads "file:line:column" as go/packages writes it.
func parsePosition(s string) token.Position {
	var numbers []int
	for len(numbers) < 2 {
		i := strings.LastIndexByte(s, ':')
		n, err := strconv.Atoi(s[i+1:])
		if i < 0 || err != nil {
			break
		}
		numbers, s = slices.Insert(numbers, 0, n), s[:i]
	}
	numbers = append(numbers, 0, 0)
	return token.Position{Filename: s, Line: numbers[0], Column: numbers[1]}
}

// FileOf returns the one of Files that has pos, or nil.
func (p *Package) FileOf(pos token.Pos) *ast.File {
	for _, file := range p.Files {
		if file.FileStart <= pos && pos < file.FileEnd {
			return file
		}
	}
	return nil
}

// InModule reports whether the package at importPath is of the same module.
func (p *Package) InModule(importPath string) bool {
	m := p.listed.Module
	return m != nil && strings.HasPrefix(importPath+"/", m.Path+"/")
}

// Writable reports whether the package belongs to the user. The module cache, the vendor
// directory and GOROOT are shared with other modules: a change there is lost or breaks
// their builds.
func (p *Package) Writable() bool {
	m := p.listed.Module
	// The go command takes a directory of the module cache for a main module
	// when it runs in there.
	return m != nil && m.Main && !strings.Contains(filepath.Base(m.Dir), "@v")
}
