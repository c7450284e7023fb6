package generator

import (
	"go/token"
	"go/types"
	"maps"
	"strconv"

	"github.com/loopgen/loopgen/generator/internal/check"
)

// scope is a set of names that cannot be chosen any more: those of outer, which it shares
// with other scopes, and its own.
type scope struct{ outer, taken map[string]bool }

func newScope(outer map[string]bool) *scope {
	return &scope{outer: outer, taken: make(map[string]bool)}
}

// pick takes the first candidate that is free, or the last one with a number.
func (s *scope) pick(candidates ...string) string {
	for _, name := range candidates {
		if s.free(name) {
			s.taken[name] = true
			return name
		}
	}
	last := candidates[len(candidates)-1]
	for i := 2; ; i++ {
		if name := last + strconv.Itoa(i); s.free(name) {
			s.taken[name] = true
			return name
		}
	}
}

// free reports whether name may be chosen. Predeclared types, constants and
// nil never are, since the generated code uses them by their usual meaning; it
// calls no predeclared function, so that a parameter may be called max.
func (s *scope) free(name string) bool {
	predeclared := types.Universe.Lookup(name)
	_, function := predeclared.(*types.Builtin)
	return !s.outer[name] && !s.taken[name] && !token.IsKeyword(name) && name != "_" && (predeclared == nil || function)
}

// packageScope holds the package-level names of the user's package, with the
// imports of its files, since an import and a package-level name must differ.
type packageScope struct {
	*scope
	declared map[string]token.Position
	// aside has what files declare that this build leaves out.
	aside map[string]token.Position
	// leftOut are names that only such files declare or import, and imported those
	// that they only import.
	leftOut, imported map[string]bool
}

func newPackageScope(src *check.Source) *packageScope {
	p := &packageScope{scope: newScope(nil), declared: make(map[string]token.Position),
		aside: make(map[string]token.Position), leftOut: make(map[string]bool), imported: make(map[string]bool)}
	declare := func(s *types.Scope) {
		for _, name := range s.Names() {
			p.taken[name] = true
			p.declared[name] = src.Fset.Position(s.Lookup(name).Pos())
		}
	}
	whole := src.Types.Scope()
	for i := range whole.NumChildren() {
		declare(whole.Child(i))
	}
	declare(whole)
	return p
}

func (p *packageScope) clone() *packageScope {
	return &packageScope{scope: &scope{taken: maps.Clone(p.taken)}, declared: maps.Clone(p.declared),
		aside: maps.Clone(p.aside), leftOut: maps.Clone(p.leftOut), imported: maps.Clone(p.imported)}
}
