package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// target is a type that is to be shared, found.
type target struct {
	spec *typeSpec
	pos  token.Pos // where its user can change something about it
	// typ is the defined type. A generic one is given its own type parameters
	// as arguments, so that its methods speak of those.
	typ    *types.Named
	self   types.Type         // typ as generated code writes it, which may be an alias
	params []*types.TypeParam // of a generic type or alias
}

// title is what the type is called in comments and diagnostics.
func (t *target) title(q types.Qualifier) string {
	title := types.TypeString(t.self, q)
	if len(t.params) > 0 {
		title, _, _ = strings.Cut(title, "[")
	}
	return title
}

// findTarget returns the type that spec names, or nil after saying why not.
func (src *source) findTarget(r *reporter, spec *typeSpec) *target {
	pkg, pos := src.types, token.NoPos
	if !src.isOwn(spec.path) {
		pos = src.mention(spec)
		if pkg = src.importForeign(r, spec, pos); pkg == nil {
			return nil
		}
	}
	obj := pkg.Scope().Lookup(spec.name)
	if obj == nil || pkg != src.types && !obj.Exported() {
		src.reportMissing(r, spec, pkg, pos)
		return nil
	}
	if pkg == src.types {
		pos = obj.Pos()
	}
	bad := func(reason, remedy string) *target {
		r.report(Error, pos, spec.text, reason, remedy)
		return nil
	}
	tn, ok := obj.(*types.TypeName)
	if !ok {
		return bad("is not a type", "give the name of a type with -type")
	}
	t := &target{spec: spec, pos: pos, self: tn.Type()}
	params := typeParams(t.self)
	switch {
	case spec.args != "" && params.Len() == 0:
		return bad("has no type parameters", "leave out "+spec.args)
	case spec.args != "" && src.pkg.UsesC && slices.Contains(strings.FieldsFunc(spec.args, isNoName), load.CPath):
		return bad("has a C type as its argument, which generated code cannot name",
			"declare an alias in a file that imports C, and give that: type MyType = "+spec.text)
	case spec.args != "":
		args, err := src.typeArguments(spec)
		if err == nil {
			t.self, err = types.Instantiate(nil, t.self, args, true)
		}
		if err != nil {
			return bad(err.Error(), "give type arguments that "+spec.name+" allows, those of other packages with their import path")
		}
	case params.Len() > 0:
		var own []types.Type
		for p := range params.TypeParams() {
			own, t.params = append(own, p), append(t.params, p)
		}
		t.self, _ = types.Instantiate(nil, t.self, own, false) // fails only for a wrong number
	}
	for _, p := range t.params {
		reason := src.unwritable(p.Constraint())
		if reason != "" && src.pkg.UsesC {
			return bad("the constraint of "+p.Obj().Name()+" "+reason, "declare the constraint as a type")
		}
		if reason != "" {
			return bad("the constraint of "+p.Obj().Name()+" "+reason, "give type arguments, as in -type "+spec.text+"[…]")
		}
	}
	if types.Unalias(t.self) == types.Typ[types.Invalid] {
		return bad("stands for a type that does not exist before this file is generated", "give the name of another type with -type")
	}
	if t.typ, ok = types.Unalias(t.self).(*types.Named); !ok {
		return bad("is not a defined type, nor an alias of one", "give the name of a type with -type")
	}
	switch t.typ.Underlying().(type) {
	case *types.Interface:
		return bad("is an interface", "give the type that implements it")
	case *types.Pointer:
		return bad("is a pointer type and has no methods", "give the type it points to")
	}
	return t
}

// unwritable says why a constraint cannot be written in this package, if so. An
// interface that cannot be named can be spelt out.
func (src *source) unwritable(constraint types.Type) (reason string) {
	s := &service{src: src}
	v := visitor{s: s, yield: func(t types.Type) bool {
		if tn := typeNameOf(t); tn != nil && !src.nameable(tn) {
			reason = "needs the type " + types.TypeString(t, src.qualify) + ", which cannot be named here"
		}
		if t == types.Typ[types.Invalid] {
			reason = notYet
		}
		return reason == ""
	}}
	v.visit(constraint)
	if i, ok := constraint.Underlying().(*types.Interface); ok && reason == "" {
		for m := range i.Methods() {
			if !m.Exported() && m.Pkg() != src.types {
				return "has the method " + m.Name() + ", which is not exported"
			}
		}
	}
	return reason
}

// isOwn reports whether an import path is that of the package itself.
func (src *source) isOwn(path string) bool { return path == "" || path == src.pkg.Path }

// importForeign returns another package, or nil after saying why generated code
// cannot use it.
func (src *source) importForeign(r *reporter, spec *typeSpec, pos token.Pos) *types.Package {
	bad := func(reason, remedy string) *types.Package {
		r.report(Error, pos, spec.text, reason, remedy)
		return nil
	}
	pkg, err := src.imports.Import(spec.path)
	switch {
	case err != nil && strings.Contains(err.Error(), "go get"):
		return bad(err.Error(), "") // the go command says it all
	case err != nil && src.imports.Standard(spec.path):
		return bad("cannot import "+spec.path+": "+err.Error(), "give the whole import path of the type's package, like net/http/cookiejar.Jar")
	case err != nil:
		return bad("cannot import "+spec.path+": "+err.Error(), "give the import path of a package, and its module to this one with go get "+spec.path)
	case pkg.Name() == "main":
		return bad(spec.path+" is a program, which cannot be imported", "move the type to a package of its own")
	case !importable(src.pkg.Path, spec.path):
		return bad(spec.path+" is internal to another module or directory, and cannot be imported from here", "run loopgen in a package that can")
	case src.imports.DependsOn(spec.path, src.pkg.Path):
		return bad(spec.path+" imports this package, which cannot import it in turn", "run loopgen in another package, or in "+spec.path+" itself")
	}
	return pkg
}

// mention returns where the package asks for the type: a go:generate line, else
// its first package clause.
func (src *source) mention(spec *typeSpec) token.Pos {
	unquoted := strings.NewReplacer(`"`, "", "'", "")
	pos := token.NoPos
	for _, file := range src.pkg.Files {
		if !pos.IsValid() {
			pos = file.Package
		}
		for line := range generateLines(file) {
			text := unquoted.Replace(line.Text)
			for _, before := range []string{" ", "=", ","} {
				if strings.Contains(text, before+spec.text) {
					return line.Pos()
				}
			}
		}
	}
	return pos
}

// generateLines yields the go:generate lines of a file.
func generateLines(file *ast.File) func(yield func(*ast.Comment) bool) {
	return func(yield func(*ast.Comment) bool) {
		for _, group := range file.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, "//go:generate ") && !yield(c) {
					return
				}
			}
		}
	}
}

// place says where an object of another package stands, as far as is known. The
// lines of the standard library are those of one version of Go.
func (src *source) place(obj types.Object) string {
	pos := src.fset.Position(obj.Pos())
	if obj.Pkg() == nil || obj.Pkg() == src.types || !pos.IsValid() || pos.Filename == "" {
		return ""
	}
	file := obj.Pkg().Path() + "/" + filepath.Base(pos.Filename)
	if src.imports.Standard(obj.Pkg().Path()) {
		return file
	}
	return file + ":" + strconv.Itoa(pos.Line)
}
