package check

import (
	"context"
	"go/ast"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// Source is the package that declares the types, as the generator sees it.
type Source struct {
	*load.Package
	Specs    []*TypeSpec
	operated map[*ast.FuncDecl]*operations // see waiting.go
}

// Load loads the package that o names.
func Load(ctx context.Context, o *Options) (*Source, error) {
	specs := SpecsOf(o.Types)
	cfg := load.Config{Dir: o.Dir, Pattern: o.Pattern, InBodies: waitingImports}
	for _, spec := range specs {
		cfg.Needed = append(cfg.Needed, spec.importPaths()...)
	}
	pkg, err := load.Load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return newSource(pkg, specs), nil
}

func newSource(pkg *load.Package, specs []*TypeSpec) *Source {
	return &Source{Package: pkg, Specs: specs, operated: make(map[*ast.FuncDecl]*operations)}
}

// Unreadable reports the problems of the package: syntax errors, and errors of the go
// command. It returns false if there are none.
func (src *Source) Unreadable(r *Reporter) bool {
	for _, p := range src.Problems {
		r.Add(Diagnostic{Pos: p.Pos, Reason: p.Msg, Severity: Error})
	}
	return r.Failed()
}
