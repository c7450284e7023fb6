package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// With LOOPGEN_CHECK=1 the daemon reads arguments after the call. That is safe only if
// nothing else changes them then: a goroutine of the object that writes to a map which it
// was given would end the daemon.

// allowsCheck reports whether the arguments of the methods may be read after the call:
// some hold memory whose changes stay in the daemon, no method is concurrent, and no
// package whose types the object consists of starts work of its own, as far as the source
// tells. The standard library's are taken for passive, but for that of the type itself.
func (s collector) allowsCheck() bool {
	checked := false
	for _, m := range s.Methods {
		if m.Mode == "Concurrent" {
			return false
		}
		for i, v := range m.Params {
			checked = checked || !m.Detach && i != m.Context && v.Passing == asValue && refers(v.Typ)
		}
	}
	if !checked {
		return false
	}
	for _, p := range s.packagesOf(s.typ) {
		if startsWork(s.Src.Bodies.Files(p)) {
			return false
		}
	}
	return true
}

// packagesOf returns the package that declares t0, and those outside of the standard
// library that declare the types of which its values consist.
func (s collector) packagesOf(t0 *types.Named) []*types.Package {
	var packages []*types.Package
	seen := make(map[types.Type]bool)
	var add func(t types.Type)
	add = func(t types.Type) {
		t = types.Unalias(t)
		if seen[t] {
			return
		}
		seen[t] = true
		if named, ok := t.(*types.Named); ok {
			p := named.Obj().Pkg()
			if p == nil || s.Src.Imports.Standard(p.Path()) && named != t0 {
				return
			}
			if !slices.Contains(packages, p) {
				packages = append(packages, p)
			}
		}
		switch u := t.Underlying().(type) {
		case *types.Signature, *types.Interface: // no part of a value
		default:
			for part := range parts(u) {
				add(part)
			}
		}
	}
	add(t0)
	return packages
}

// startsWork reports whether the source has a go statement, a send to a channel, a timer
// or a type of function, through which it is given a callback. It returns true if there is
// no source.
func startsWork(files []*ast.File) bool {
	for _, file := range files {
		declared := make(map[*ast.FuncType]bool) // of functions, which call nothing by themselves
		starts := false
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt, *ast.SendStmt:
				starts = true
			case *ast.FuncDecl:
				declared[n.Type] = true
			case *ast.FuncLit:
				declared[n.Type] = true
			case *ast.FuncType:
				starts = starts || !declared[n]
			case *ast.SelectorExpr:
				starts = starts || n.Sel.Name == "Go" || slices.Contains(timers, types.ExprString(n))
			case *ast.GenDecl:
				return n.Tok != token.IMPORT
			}
			return !starts
		})
		if starts {
			return true
		}
	}
	return len(files) == 0
}

// timers are the functions that call or wake others later.
var timers = []string{"context.AfterFunc", "runtime.AddCleanup", "runtime.SetFinalizer", "time.After", "time.AfterFunc", "time.NewTicker", "time.NewTimer", "time.Tick"}
