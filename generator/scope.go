package generator

import (
	"go/token"
	"go/types"
	"maps"
	"strconv"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/load"
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
	aside    map[string]token.Position // names that files declare which this build leaves out
	imported map[string]bool           // names that only such files import
}

func newPackageScope(src *check.Source) *packageScope {
	p := &packageScope{newScope(nil), make(map[string]token.Position), make(map[string]token.Position), make(map[string]bool)}
	whole := src.Types.Scope()
	var scopes []*types.Scope
	for i := range whole.NumChildren() {
		scopes = append(scopes, whole.Child(i))
	}
	for _, s := range append(scopes, whole) {
		for _, name := range s.Names() {
			p.taken[name] = true
			p.declared[name] = src.Fset.Position(s.Lookup(name).Pos())
		}
	}
	return p
}

func (p *packageScope) clone() *packageScope {
	return &packageScope{&scope{taken: maps.Clone(p.taken)}, maps.Clone(p.declared), maps.Clone(p.aside), maps.Clone(p.imported)}
}

// addLeftOut takes the names in files that this build leaves out, if a build has them
// together with the generated file of s. For a dot import it takes the names that the
// package exports.
func (p *packageScope) addLeftOut(s *check.Service, files []load.OtherFile) {
	for _, f := range files {
		if load.Disjoint(s.Constraint, f.Constraint) {
			continue
		}
		for _, d := range f.Declared {
			if d.Name != "_" && d.Name != "init" {
				p.aside[d.Name] = d.Pos
				p.take(d.Name, d.Pos)
				delete(p.imported, d.Name)
			}
		}
		for _, i := range f.Imports {
			if i.Name == "." {
				for _, exported := range s.Src.Builds.Exports(i.Path) {
					p.take(exported, i.Pos)
				}
			} else if i.Name != "_" && p.take(i.Name, i.Pos) {
				p.imported[i.Name] = true
			}
		}
	}
}

// addOutput takes the names of another file that loopgen wrote, unless no build has
// both.
func (p *packageScope) addOutput(s *check.Service, path string) {
	f, ok := s.Src.Builds.Output(path)
	if !ok || load.Disjoint(s.Constraint, f.Constraint) {
		return
	}
	for _, d := range f.Declared {
		if d.Name != "_" {
			p.take(d.Name, d.Pos)
		}
	}
}

// take marks a name as taken by a declaration at pos. It returns false if it was.
func (p *packageScope) take(name string, pos token.Position) bool {
	if p.taken[name] {
		return false
	}
	p.taken[name], p.declared[name] = true, pos
	return true
}
