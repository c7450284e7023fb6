package generator

import (
	"context"
	"go/ast"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// source is the package that declares the types, as the generator sees it.
type source struct {
	*load.Package
	specs    []*typeSpec
	operated map[*ast.FuncDecl]*operations // see waiting.go
}

// newSource loads the package that o names.
func newSource(ctx context.Context, o *checkOptions) (*source, error) {
	specs := specsOf(o.Types)
	cfg := load.Config{Dir: o.Dir, Pattern: o.Pattern, InBodies: waitingImports}
	for _, spec := range specs {
		cfg.Needed = append(cfg.Needed, spec.importPaths()...)
	}
	pkg, err := load.Load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &source{Package: pkg, specs: specs, operated: make(map[*ast.FuncDecl]*operations)}, nil
}

// unreadable reports the problems of the package: syntax errors, and errors of the go
// command. It returns false if there are none.
func (src *source) unreadable(r *reporter) bool {
	for _, p := range src.Problems {
		r.add(Diagnostic{Pos: p.Pos, Reason: p.Msg, Severity: Error})
	}
	return r.failed()
}
