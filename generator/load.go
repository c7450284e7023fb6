package generator

import (
	"context"
	"fmt"
	"go/ast"
	"go/build/constraint"
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
	pkg     *packages.Package
	types   *types.Package
	fset    *token.FileSet
	dir     string
	earlier []string // files that loopgen wrote, left out
	// decls finds the declaration of a function or method by the position of
	// its name; it has those of this package only.
	decls map[token.Pos]*ast.FuncDecl
}

// loadMode asks for the package's syntax and for export data of what it
// imports; without NeedDeps nothing else is parsed, which is what makes the
// command fast.
const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles |
	packages.NeedImports | packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedModule

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
	dir, err := packageDir(ctx, o.Dir, pattern)
	if err != nil {
		return nil, err
	}
	earlier := earlierOutput(dir)
	cfg := &packages.Config{Context: ctx, Mode: loadMode, Dir: o.Dir, Fset: token.NewFileSet()}
	if len(earlier) > 0 {
		cfg.Overlay = make(map[string][]byte)
		clause := []byte(packageClause(dir, earlier))
		for _, path := range earlier {
			cfg.Overlay[path] = clause
		}
	}
	pkg, err := loadOne(cfg, pattern)
	if err != nil {
		return nil, err
	}
	src := &source{pkg: pkg, types: pkg.Types, fset: cfg.Fset, dir: dir, earlier: earlier}
	src.decls = make(map[token.Pos]*ast.FuncDecl)
	for _, file := range pkg.Syntax {
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				src.decls[fn.Name.Pos()] = fn
			}
		}
	}
	return src, nil
}

// loadOne loads the one package that pattern names.
func loadOne(cfg *packages.Config, pattern string) (*packages.Package, error) {
	pkgs, err := packages.Load(cfg, pattern)
	if err != nil {
		return nil, fmt.Errorf("loading package %s: %w", pattern, err)
	}
	if len(pkgs) != 1 {
		return nil, fmt.Errorf("loading package %s: it matches %d packages: give one", pattern, len(pkgs))
	}
	pkg := pkgs[0]
	if pkg.Name == "" || len(pkg.GoFiles) == 0 {
		for _, e := range pkg.Errors {
			return nil, fmt.Errorf("loading package %s: %s", pattern, strings.TrimSpace(e.Msg))
		}
		return nil, fmt.Errorf("loading package %s: it has no Go files for this platform", pattern)
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
	for _, e := range src.pkg.Errors {
		if e.Kind == packages.TypeError || strings.HasPrefix(e.Msg, "# ") {
			continue // the compiler's view of what the type checker reports better
		}
		d := Diagnostic{Reason: strings.TrimSpace(e.Msg), Severity: Error}
		d.Pos = parsePosition(e.Pos)
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
	for _, file := range src.pkg.Syntax {
		if file.FileStart <= pos && pos < file.FileEnd {
			return file
		}
	}
	return nil
}

// buildLine returns the expression of the file's //go:build line, or "".
func buildLine(file *ast.File) string {
	for _, group := range file.Comments {
		if group.Pos() > file.Package {
			break
		}
		for _, c := range group.List {
			if constraint.IsGoBuild(c.Text) {
				if expr, err := constraint.Parse(c.Text); err == nil {
					return expr.String()
				}
			}
		}
	}
	return ""
}
