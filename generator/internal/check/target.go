package check

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// target is the type that a TypeSpec names.
type target struct {
	Spec *TypeSpec
	Pos  token.Pos // where its user can change something about it
	// typ is the defined type. A generic type is instantiated with its own type
	// parameters, so that its methods have them in their signatures.
	typ    *types.Named
	Self   types.Type         // typ as generated code writes it, which may be an alias
	Params []*types.TypeParam // of a generic type or alias
}

// title returns the name of the type in comments and diagnostics.
func (t *target) title(q types.Qualifier) string {
	title := types.TypeString(t.Self, q)
	if len(t.Params) > 0 {
		title, _, _ = strings.Cut(title, "[")
	}
	return title
}

// targetFinder looks for the type that a spec names.
type targetFinder struct {
	src  *Source
	r    *Reporter
	spec *TypeSpec
	pos  token.Pos // to blame
}

func (f *targetFinder) bad(reason, remedy string) {
	f.r.Report(Error, f.pos, f.spec.Text, reason, remedy)
}

// FindTarget returns the type that spec names, or nil after reporting why it cannot be
// shared.
func FindTarget(r *Reporter, src *Source, spec *TypeSpec) *target {
	f := &targetFinder{src: src, r: r, spec: spec}
	pkg := src.Types
	if !src.IsOwn(spec.Path) {
		f.pos = f.mention()
		if pkg = f.importForeign(); pkg == nil {
			return nil
		}
	}
	obj := pkg.Scope().Lookup(spec.Name)
	if obj == nil || pkg != src.Types && !obj.Exported() {
		f.reportMissing(pkg)
		return nil
	}
	if pkg == src.Types {
		f.pos = obj.Pos()
	}
	tn, ok := obj.(*types.TypeName)
	if !ok {
		f.bad("is not a type", "give the name of a type with -type")
		return nil
	}
	t := &target{Spec: spec, Pos: f.pos, Self: tn.Type()}
	if !f.instantiate(t) {
		return nil
	}
	if types.Unalias(t.Self) == types.Typ[types.Invalid] {
		f.bad("stands for a type that does not exist before this file is generated", "give the name of another type with -type")
		return nil
	}
	if t.typ, ok = types.Unalias(t.Self).(*types.Named); !ok {
		f.bad("is not a defined type, nor an alias of one", "give the name of a type with -type")
		return nil
	}
	switch t.typ.Underlying().(type) {
	case *types.Interface:
		f.bad("is an interface", "give the type that implements it")
		return nil
	case *types.Pointer:
		f.bad("is a pointer type and has no methods", "give the type it points to")
		return nil
	}
	return t
}

// instantiate gives a generic type its type arguments: those of the spec, or its own type
// parameters. It returns false after reporting why it cannot.
func (f *targetFinder) instantiate(t *target) bool {
	params := typeParams(t.Self)
	switch {
	case f.spec.Args != "" && params.Len() == 0:
		f.bad("has no type parameters", "leave out "+f.spec.Args)
		return false
	case f.spec.Args != "" && f.src.UsesC && slices.Contains(strings.FieldsFunc(f.spec.Args, isNoName), load.CPath):
		f.bad("has a C type as its argument, which generated code cannot name",
			"declare an alias in a file that imports C, and give that: type MyType = "+f.spec.Text)
		return false
	case f.spec.Args != "":
		args, err := f.typeArguments()
		if err == nil {
			t.Self, err = types.Instantiate(nil, t.Self, args, true)
		}
		if err != nil {
			f.bad(err.Error(), "give type arguments that "+f.spec.Name+" allows, those of other packages with their import path")
			return false
		}
	case params.Len() > 0:
		var own []types.Type
		for p := range params.TypeParams() {
			own, t.Params = append(own, p), append(t.Params, p)
		}
		t.Self, _ = types.Instantiate(nil, t.Self, own, false) // fails only for a wrong number
	}
	for _, p := range t.Params {
		reason := f.unwritable(p.Constraint())
		switch {
		case reason != "" && f.src.UsesC:
			f.bad("the constraint of "+p.Obj().Name()+" "+reason, "declare the constraint as a type")
			return false
		case reason != "":
			f.bad("the constraint of "+p.Obj().Name()+" "+reason, "give type arguments, as in -type "+f.spec.Text+"[…]")
			return false
		}
	}
	return true
}

// unwritable returns the reason why a constraint cannot be written in this package, or
// "". An interface that cannot be named can be spelt out.
func (f *targetFinder) unwritable(constraint types.Type) (reason string) {
	src := f.src
	v := visitor{src: src, yield: func(t types.Type) bool {
		if tn := TypeNameOf(t); tn != nil && !src.nameable(tn) {
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
			if !m.Exported() && m.Pkg() != src.Types {
				return "has the method " + m.Name() + ", which is not exported"
			}
		}
	}
	return reason
}

// importForeign returns the package of the spec, which is another one, or nil after
// reporting why generated code cannot use it.
func (f *targetFinder) importForeign() *types.Package {
	src, spec := f.src, f.spec
	pkg, err := src.Imports.Import(spec.Path)
	switch {
	case err != nil && strings.Contains(err.Error(), "go get"):
		f.bad(err.Error(), "") // the go command says it all
	case err != nil && src.Imports.Standard(spec.Path):
		f.bad("cannot import "+spec.Path+": "+err.Error(), "give the whole import path of the type's package, like net/http/cookiejar.Jar")
	case err != nil:
		f.bad("cannot import "+spec.Path+": "+err.Error(), "give the import path of a package, and its module to this one with go get "+spec.Path)
	case pkg.Name() == "main":
		f.bad(spec.Path+" is a program, which cannot be imported", "move the type to a package of its own")
	case !importable(src.Path, spec.Path):
		f.bad(spec.Path+" is internal to another module or directory, and cannot be imported from here", "run loopgen in a package that can")
	case src.Imports.DependsOn(spec.Path, src.Path):
		f.bad(spec.Path+" imports this package, which cannot import it in turn", "run loopgen in another package, or in "+spec.Path+" itself")
	default:
		return pkg
	}
	return nil
}

// mention returns where the package asks for the type: a go:generate line, else
// its first package clause.
func (f *targetFinder) mention() token.Pos {
	unquoted := strings.NewReplacer(`"`, "", "'", "")
	pos := token.NoPos
	for _, file := range f.src.Files {
		if !pos.IsValid() {
			pos = file.Package
		}
		for line := range GenerateLines(file) {
			text := unquoted.Replace(line.Text)
			for _, before := range []string{" ", "=", ","} {
				if strings.Contains(text, before+f.spec.Text) {
					return line.Pos()
				}
			}
		}
	}
	return pos
}

// reportMissing reports that pkg does not declare the type. It names a file that does, or
// a type with a similar name.
func (f *targetFinder) reportMissing(pkg *types.Package) {
	src, spec := f.src, f.spec
	own := pkg == src.Types
	if own {
		if at, test := src.Builds.TypeLeftOut(spec.Name); at.IsValid() {
			why, remedy := "is declared in a file that build constraints keep out of the package here", "move it to a file that is always part of the package, or run loopgen for a build with this one, as with GOFLAGS=-tags=… or GOOS=…"
			if test {
				why, remedy = "is declared in a test file, and types of tests cannot be shared", "move it to a file of the package"
			}
			f.r.Add(Diagnostic{Pos: at, Method: spec.Name, Severity: Error, Reason: why, Remedy: remedy})
			return
		}
	}
	reason, remedy := fmt.Sprintf("package %s (%s) declares no such type", pkg.Name(), src.Dir), "run loopgen in the directory of the package that does, or name that package"
	if !own {
		reason, remedy = fmt.Sprintf("package %s exports no such type", pkg.Path()), "give the import path, a dot and the name of a type"
	}
	all := slices.DeleteFunc(namesOf[*types.TypeName](pkg.Scope()), func(name string) bool { return !own && !token.IsExported(name) })
	f.bad(reason, didYouMean(spec.Name, all, strings.TrimPrefix(spec.Path+".", "."), remedy))
}

// IsOwn reports whether an import path is that of the package itself.
func (src *Source) IsOwn(path string) bool { return path == "" || path == src.Path }

// GenerateLines yields the go:generate lines of a file.
func GenerateLines(file *ast.File) func(yield func(*ast.Comment) bool) {
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

// place returns the file and line that declare an object of another package, or "".
func (src *Source) place(obj types.Object) string {
	if obj.Pkg() == nil || obj.Pkg() == src.Types || src.Fset.Position(obj.Pos()).Filename == "" {
		return ""
	}
	return src.site(obj.Pkg(), obj.Pos())
}
