package generator

import (
	"context"
	"go/ast"
	"go/token"
	"go/types"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// source is the package that declares the types, as the generator sees it.
type source struct {
	pkg      *load.Package
	types    *types.Package // of pkg
	fset     *token.FileSet // of pkg
	imports  *load.Imports  // of pkg
	specs    []*typeSpec
	operated map[*ast.FuncDecl]*operations // see waiting.go
}

// newSource loads the package that o names.
func newSource(ctx context.Context, o *Options) (*source, error) {
	specs := o.specs()
	cfg := load.Config{Dir: o.Dir, Pattern: o.Pattern, InBodies: waitingImports}
	for _, spec := range specs {
		cfg.Needed = append(cfg.Needed, spec.importPaths()...)
	}
	pkg, err := load.Load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &source{pkg: pkg, types: pkg.Types, fset: pkg.Fset, imports: pkg.Imports, specs: specs, operated: make(map[*ast.FuncDecl]*operations)}, nil
}

// unreadable reports the problems of the package: syntax errors, and errors of the go
// command. It returns false if there are none.
func (src *source) unreadable(r *reporter) bool {
	for _, p := range src.pkg.Problems {
		r.list = append(r.list, Diagnostic{Pos: p.Pos, Reason: p.Msg, Severity: Error})
	}
	return r.failed()
}
