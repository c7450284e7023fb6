package generator

import (
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// nameSet is a set of names, with the positions of their declarations, if they have any.
type nameSet map[string]token.Pos

// scope has the names that cannot be chosen any more: those of outer, which it shares with
// other scopes, and its own.
type scope struct{ outer, taken nameSet }

func newScope(outer nameSet) *scope { return &scope{outer, make(nameSet)} }

// has reports whether name is taken, and where it is declared.
func (s *scope) has(name string) (token.Pos, bool) {
	pos, ok := s.taken[name]
	if !ok {
		pos, ok = s.outer[name]
	}
	return pos, ok
}

// take adds names without a declaration.
func (s *scope) take(names ...string) {
	for _, name := range names {
		s.taken[name] = token.NoPos
	}
}

// pick takes the first candidate that is free, or the last one with a number.
func (s *scope) pick(candidates ...string) string {
	for _, name := range candidates {
		if s.free(name) {
			s.take(name)
			return name
		}
	}
	last := candidates[len(candidates)-1]
	for i := 2; ; i++ {
		if name := last + strconv.Itoa(i); s.free(name) {
			s.take(name)
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
	_, taken := s.has(name)
	return !taken && !token.IsKeyword(name) && name != "_" && (predeclared == nil || function)
}

// packageScope returns the package-level names in all builds that have the generated file
// of s, and chosen, which are those of the types before. The outer names are those that
// files import: an import and a package-level name must differ, but two files may import
// under one name.
func (s *shared) packageScope(o *Options, chosen nameSet) *scope {
	p := &scope{make(nameSet), maps.Clone(chosen)}
	add := func(to nameSet, name string, pos token.Pos) {
		if _, ok := to[name]; !ok {
			to[name] = pos
		}
	}
	whole := s.Src.Types.Scope()
	for _, name := range whole.Names() {
		add(p.taken, name, whole.Lookup(name).Pos())
	}
	for file := range whole.Children() {
		for _, name := range file.Names() {
			if obj, ok := file.Lookup(name).(*types.PkgName); ok {
				add(p.outer, name, obj.Pos())
			} else { // of a dot import
				add(p.taken, name, file.Lookup(name).Pos())
			}
		}
	}
	replaced := slices.DeleteFunc(slices.Clone(s.Src.Earlier), func(path string) bool { return path != s.Output && !regenerated(s.Src, o, path) })
	for _, f := range s.Src.Builds.OtherFiles(replaced) {
		if load.Disjoint(s.Constraint, f.Constraint) {
			continue
		}
		for _, id := range f.Declared {
			if id.Name != "_" && id.Name != "init" {
				add(p.taken, id.Name, id.Pos())
			}
		}
		for name, path := range load.ImportNames(f.File) {
			if name == "." {
				for _, exported := range s.Src.Builds.Exports(path) {
					add(p.taken, exported, f.Package)
				}
			} else if name != "_" {
				add(p.outer, name, f.Package)
			}
		}
	}
	return p
}
