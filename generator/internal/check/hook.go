package check

import (
	"go/ast"
	"go/token"
	"path/filepath"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// With Options.Hook "init" the daemon serves at the end of the init function of the
// generated file. Later initialization does not run in it: that of later files of the
// package, and of packages that import this one.

// checkHook reports the init functions that the daemon of s would lack. It returns false
// if there are any.
func (s *Service) checkHook(r *Reporter, o *Options) bool {
	if o.Hook != "init" {
		return true
	}
	if len(s.Params) > 0 {
		r.Report(Error, s.Pos, s.TypeName(), "a generic type cannot have -hook init: packages that are initialised later declare its instances",
			"share an instance, as in type Users = "+s.Spec.Name+"[string, User], or drop -hook init and call rt.ServeIfDaemon in main")
		return false
	}
	ok := true
	output := filepath.Base(s.Output)
	functions := initFunctions(s.Src.Package)
	for _, fn := range functions {
		file := filepath.Base(s.Src.Fset.Position(fn.pos).Filename)
		switch {
		case fn.cgo:
			r.Report(Error, fn.pos, "init", "does not run in the daemon of "+s.TypeName()+" with -hook init: the go command puts files that import C last",
				"move it to a file that does not import C and whose name sorts before "+output)
		case file > output:
			r.Report(Error, fn.pos, "init", "does not run in the daemon of "+s.TypeName()+" with -hook init: "+output+" sorts before "+file+", and its init function serves",
				"move it to a file whose name sorts before "+output+", or give the generated file a later name with -output "+laterName(s.Src.Fset, output, functions))
		default:
			continue
		}
		ok = false
	}
	return ok
}

type initFunction struct {
	pos token.Pos
	cgo bool // its file imports C
}

// initFunctions returns the init functions of the package in all its builds, without
// generated files.
func initFunctions(pkg *load.Package) []initFunction {
	var found []initFunction
	for _, file := range pkg.Builds.Files() {
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, initFunction{fn.Pos(), load.ImportsC(file)})
			}
		}
	}
	return found
}

// laterName returns a file name made of output that sorts after the files of the init
// functions.
func laterName(fset *token.FileSet, output string, functions []initFunction) string {
	last := ""
	for _, fn := range functions {
		last = max(last, filepath.Base(fset.Position(fn.pos).Filename))
	}
	name := "z_" + output
	for name <= last {
		name = "z" + name
	}
	return name
}
