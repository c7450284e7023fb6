package generator

import (
	"go/token"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/load"
)

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
				p.leftOut[d.Name] = p.take(d.Name, d.Pos) || p.leftOut[d.Name]
				delete(p.imported, d.Name)
			}
		}
		for _, i := range f.Imports {
			if i.Name == "." {
				for _, exported := range s.Src.Builds.Exports(i.Path) {
					p.leftOut[exported] = p.take(exported, i.Pos) || p.leftOut[exported]
				}
				continue
			}
			if i.Name != "_" && p.take(i.Name, i.Pos) {
				p.leftOut[i.Name], p.imported[i.Name] = true, true
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
