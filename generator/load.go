package generator

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// source is the package that declares the types, as it is without the files
// that loopgen wrote.
type source struct {
	pkg      *packages.Package
	types    *types.Package
	fset     *token.FileSet
	dir      string
	files    []*ast.File
	specs    []*typeSpec
	earlier  []string // files that loopgen wrote, left out
	imports  *imports
	parsed   map[string]parsedFile // by path
	heads    map[string]*ast.File  // of files not parsed, as far as the package clause
	aside    []asideFile           // files that this build leaves out, once they are needed
	exports  map[string][]string   // names that packages export which such files dot-import
	unparsed []error               // syntax errors
	untyped  []types.Error         // type errors
	cgo      *cgoView              // nil in a package without cgo
	// decls finds the declaration of a function or method by the position of
	// its name; it has those of this package only.
	decls  map[token.Pos]*ast.FuncDecl
	own    declarations               // the same by name, once they are needed
	beside map[*ast.File]declarations // of files of other packages
	// What is known of bodies, see waiting.go and bodywrites.go.
	bodies   map[*types.Func]*body
	infos    map[*ast.FuncDecl]*types.Info
	operated map[*ast.FuncDecl]*operations
	copies   map[packageState]*types.Package
}

// loadMode asks which files the package has. Its types are checked here, not
// by go/packages: that would have the go command compile the package, each
// time it changed, only for export data that nobody reads.
const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedModule

func load(ctx context.Context, o *Options) (*source, error) {
	pattern := o.Pattern
	if pattern == "" {
		pattern = "."
	}
	if strings.HasSuffix(pattern, ".go") {
		return nil, fmt.Errorf("%s is a file: give the directory or import path of its package", pattern)
	}
	if strings.Contains(pattern, "...") {
		return nil, fmt.Errorf("%s may match several packages: run loopgen once for each", pattern)
	}
	if err := refuseOverlay(); err != nil {
		return nil, err
	}
	dir, err := packageDir(ctx, o.Dir, pattern)
	if err != nil {
		return nil, err
	}
	src := &source{dir: dir, specs: o.specs(), earlier: earlierOutput(dir), fset: token.NewFileSet(), parsed: make(map[string]parsedFile), heads: make(map[string]*ast.File), beside: make(map[*ast.File]declarations), exports: make(map[string][]string)}
	src.imports = newImports(ctx, src)
	cfg := &packages.Config{Context: ctx, Mode: loadMode, Dir: o.Dir, Fset: src.fset, Overlay: make(map[string][]byte)}
	if len(src.earlier) > 0 {
		clause := []byte(packageClause(dir, src.earlier))
		for _, path := range src.earlier {
			cfg.Overlay[path] = clause
		}
		env, remove, err := overlayEnv(ctx, dir)
		if err != nil {
			return nil, err
		}
		defer remove()
		cfg.Env = env
	}
	// The go command is asked two things at once, each taking most of the
	// time that loopgen takes: what the package is, and the export data of
	// what it probably imports.
	loading := make(chan error, 1)
	needed := src.likelyImports()
	for _, spec := range src.specs {
		needed = append(needed, spec.importPaths()...)
	}
	if len(needed) > 0 {
		needed = append(needed, "io") // most interfaces in signatures are of this package: see imports.complete
	}
	go func() { loading <- src.imports.load(needed) }()
	src.pkg, err = loadOne(cfg, pattern)
	// Both fail alike if go.mod is not up to date.
	if asked := <-loading; !errors.Is(err, errIncomplete) {
		err = errors.Join(err, asked)
	}
	if err != nil {
		return nil, err
	}
	return src, src.parse()
}

// parse reads the package's files and checks its types.
func (src *source) parse() error {
	for _, path := range src.pkg.GoFiles {
		if slices.Contains(src.earlier, path) {
			continue
		}
		file, err := src.parseFile(path)
		if err != nil {
			src.unparsed = append(src.unparsed, err)
		}
		if file != nil {
			src.files = append(src.files, file)
		}
	}
	src.cgo = viewCgo(src.files)
	if err := src.typeCheck(); err != nil {
		return err
	}
	src.decls = make(map[token.Pos]*ast.FuncDecl)
	for _, file := range src.files {
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				src.decls[fn.Name.Pos()] = fn
			}
		}
	}
	return nil
}

type parsedFile struct {
	file *ast.File
	err  error
}

// parseFile parses the file at path, once.
func (src *source) parseFile(path string) (*ast.File, error) {
	p, done := src.parsed[path]
	if !done {
		p.file, p.err = parser.ParseFile(src.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		src.parsed[path] = p
	}
	return p.file, p.err
}

// parseOther parses a file that is not part of the package as built here, or that
// loopgen wrote. It returns nil for one that cannot be read.
func (src *source) parseOther(path string) *ast.File {
	file, _ := parser.ParseFile(src.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	return file
}

// typeCheck finds the types that the package declares. What only function bodies
// import is left out at first; it may turn out that a name was guessed wrong.
// Bodies are looked at only if the declarations are wrong, to say all that is: a
// package in the middle of a change can be shared as well.
func (src *source) typeCheck() error {
	for _, look := range []struct{ imports, bodies bool }{{false, false}, {true, false}, {true, true}} {
		var needed []string
		for _, file := range src.files {
			var used map[string]bool
			if !look.imports {
				used = usedOutside(file)
			}
			needed = append(needed, importsOf(file, used)...)
			needed = append(needed, waitingImports(file)...)
		}
		if err := src.imports.load(needed); err != nil {
			return err
		}
		src.types, src.untyped = src.check(src.files, look.bodies)
		if len(src.untyped) == 0 {
			break
		}
	}
	return nil
}

// check returns the types that files declare, and what is wrong with them; with
// their function bodies if bodies is set.
func (src *source) check(files []*ast.File, bodies bool) (*types.Package, []types.Error) {
	var found []types.Error
	sizes := &cgoSizes{Sizes: types.SizesFor("gc", build.Default.GOARCH)}
	cfg := types.Config{
		Importer:         src.imports,
		IgnoreFuncBodies: !bodies,
		Sizes:            sizes,
		Error: func(err error) {
			if e := err.(types.Error); !sizes.refused() && !src.cgo.doubts(e.Pos) {
				found = append(found, e)
			}
		},
	}
	if m := src.pkg.Module; m != nil && m.GoVersion != "" {
		cfg.GoVersion = "go" + m.GoVersion
	}
	pkg, _ := cfg.Check(src.pkg.PkgPath, src.fset, files, nil) // its errors were collected
	return pkg, found
}

// loadOne loads the one package that pattern names.
func loadOne(cfg *packages.Config, pattern string) (*packages.Package, error) {
	pkgs, err := packages.Load(cfg, pattern)
	if cfg.Context.Err() != nil {
		err = cfg.Context.Err() // which go/packages does not wrap
	}
	if err != nil {
		// What the go command itself says of it comes last.
		if _, said, ok := strings.Cut(err.Error(), "stderr: "); ok && said != "" {
			err = errors.New(strings.TrimSpace(said))
			if proposesCommand(said) {
				err = errIncomplete
			}
		}
		return nil, fmt.Errorf("loading package %s: %w", pattern, err)
	}
	if len(pkgs) != 1 {
		return nil, fmt.Errorf("loading package %s: it matches %d packages: give one", pattern, len(pkgs))
	}
	pkg := pkgs[0]
	if pkg.Name == "" || len(pkg.GoFiles) == 0 {
		switch {
		case len(pkg.Errors) == 0:
			return nil, fmt.Errorf("loading package %s: it has no Go files for this platform", pattern)
		case proposesCommand(pkg.Errors[0].Msg):
			return nil, fmt.Errorf("loading package %s: go.mod or go.sum lacks its module: %s", pattern, runTidy)
		}
		return nil, fmt.Errorf("loading package %s: %s", pattern, strings.TrimSpace(pkg.Errors[0].Msg))
	}
	return pkg, nil
}

// packageDir returns the absolute directory of the package, which must be
// known before it is loaded so that earlier output can be left out.
func packageDir(ctx context.Context, dir, pattern string) (string, error) {
	base, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	var path string
	switch {
	case filepath.IsAbs(pattern):
		path = filepath.Clean(pattern)
	case pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../") ||
		filepath.Separator == '\\' && (strings.HasPrefix(pattern, `.\`) || strings.HasPrefix(pattern, `..\`)):
		path = filepath.Join(base, pattern)
	default:
		pkg, err := loadOne(&packages.Config{Context: ctx, Mode: packages.NeedName | packages.NeedFiles, Dir: dir}, pattern)
		if err != nil {
			return "", err
		}
		path = filepath.Dir(pkg.GoFiles[0])
	}
	if info, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("finding package %s: %w", pattern, err)
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s is a file: give the directory or import path of its package", pattern)
	}
	return path, nil
}

// unreadable reports what keeps the types from being looked at: syntax errors
// and what the go command says of the package.
func (src *source) unreadable(r *reporter) bool {
	for _, err := range src.unparsed {
		var list scanner.ErrorList
		if !errors.As(err, &list) {
			r.list = append(r.list, Diagnostic{Reason: err.Error(), Severity: Error})
		}
		for _, e := range list {
			r.list = append(r.list, Diagnostic{Pos: e.Pos, Reason: e.Msg, Severity: Error})
		}
	}
	if r.failed() {
		return true
	}
	for _, e := range src.pkg.Errors {
		d := Diagnostic{Pos: parsePosition(e.Pos), Reason: strings.TrimSpace(e.Msg), Severity: Error}
		if !slices.Contains(r.list, d) {
			r.list = append(r.list, d)
		}
	}
	return r.failed()
}

// parsePosition reads "file:line:column" as go/packages writes it.
func parsePosition(s string) token.Position {
	var pos token.Position
	rest, numbers := s, [2]int{}
	for i := range numbers {
		cut := strings.LastIndexByte(rest, ':')
		if cut < 0 {
			break
		}
		n := 0
		if _, err := fmt.Sscanf(rest[cut+1:], "%d", &n); err != nil {
			break
		}
		numbers[i], rest = n, rest[:cut]
	}
	pos.Filename, pos.Line, pos.Column = rest, numbers[1], numbers[0]
	if numbers[1] == 0 {
		pos.Line, pos.Column = numbers[0], 0
	}
	return pos
}

// fileOf returns the parsed file that has pos, or nil.
func (src *source) fileOf(pos token.Pos) *ast.File {
	for _, file := range src.files {
		if file.FileStart <= pos && pos < file.FileEnd {
			return file
		}
	}
	return nil
}
