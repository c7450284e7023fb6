package generator

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// service is one type to be shared, understood: what emit needs to know.
type service struct {
	src         *source
	typ         *types.Named
	constructor *constructor // nil: the zero value
	methods     []*method    // sorted by name
	sentinels   []string
	errorTypes  []errorType
	dataTypes   []types.Type // that interfaces can hold
	constraint  string       // build constraint of the file that declares the type, or ""
	names       names
	interfaces  []implemented // well-known ones of *T
	summary     Summary

	// implementers are the data types that implement an interface.
	implementers map[*types.Named][]types.Type
	judging      int // how many of them are being looked for
}

// typeName returns the name of the type in the user's code.
func (s *service) typeName() string { return s.typ.Obj().Name() }

// service looks at a type. It returns nil when something about it was reported
// that keeps it from being shared. The names of its methods are added to known.
func (src *source) service(r *reporter, o *Options, typ *types.Named, known map[string]bool) *service {
	name := typ.Obj().Name()
	s := &service{src: src, typ: typ}
	if file := src.fileOf(typ.Obj().Pos()); file != nil {
		s.constraint = src.buildConstraint(file)
	}
	switch found := s.collectMethods(r, o, known); {
	case found == 0:
		r.report(Error, typ.Obj().Pos(), name, "has no exported methods", "export those that are to be shared")
		return nil
	case len(s.methods) == 0:
		r.report(Error, typ.Obj().Pos(), name, "no exported method is left to share", "export one, or see the reasons given for the others")
		return nil
	}
	ok := s.findConstructor(r, o)
	s.collectFailures(r)
	if !ok {
		return nil
	}
	s.collectDataTypes()
	return s
}

// findType returns the defined type called name, or nil after saying why not.
func (src *source) findType(r *reporter, name string) *types.Named {
	obj := src.types.Scope().Lookup(name)
	if obj == nil {
		src.reportMissing(r, name)
		return nil
	}
	bad := func(reason, remedy string) *types.Named {
		r.report(Error, obj.Pos(), name, reason, remedy)
		return nil
	}
	tn, ok := obj.(*types.TypeName)
	if !ok {
		return bad("is not a type", "give the name of a type with -type")
	}
	if tn.IsAlias() {
		target := types.TypeString(types.Unalias(tn.Type()), src.qualify)
		return bad("is an alias of "+target, "give the type itself where it is declared, or embed it in a struct of its own: type "+name+" struct{ … }")
	}
	typ, ok := tn.Type().(*types.Named)
	if !ok {
		return bad("is not a defined type", "give the name of a type with -type")
	}
	if typ.TypeParams().Len() > 0 {
		return bad("has type parameters, which are not supported", "embed an instance in a struct: type "+name+"OfString struct{ "+name+"[string] }")
	}
	switch typ.Underlying().(type) {
	case *types.Interface:
		return bad("is an interface", "give the type that implements it")
	case *types.Pointer:
		return bad("is a pointer type and has no methods", "give the type it points to")
	}
	return typ
}

// reportMissing says where the type is instead, or what is called similarly.
func (src *source) reportMissing(r *reporter, name string) {
	d := Diagnostic{Method: name, Severity: Error}
	if pos, why := src.declaredElsewhere(name); why != "" {
		d.Pos, d.Reason, d.Remedy = pos, why, "move it to a file that is always part of the package"
	} else {
		d.Reason = fmt.Sprintf("package %s (%s) declares no such type", src.types.Name(), src.dir)
		var all []string
		for _, other := range src.types.Scope().Names() {
			if tn, ok := src.types.Scope().Lookup(other).(*types.TypeName); ok && !tn.IsAlias() {
				all = append(all, other)
			}
		}
		if near := nearest(name, all); near != "" {
			d.Remedy = "did you mean " + near + "?"
		} else {
			d.Remedy = "run loopgen in the directory of the package that does, or name that package"
		}
	}
	r.list = append(r.list, d)
}

// declaredElsewhere looks for a type in the files of the directory that are
// not part of the package as built here.
func (src *source) declaredElsewhere(name string) (token.Position, string) {
	tests, _ := filepath.Glob(filepath.Join(escapeGlob(src.dir), "*_test.go"))
	files := append(slices.Clone(src.pkg.IgnoredFiles), tests...)
	slices.Sort(files)
	for _, path := range files {
		if !strings.HasSuffix(path, ".go") {
			continue
		}
		fset := token.NewFileSet()
		file, _ := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if file == nil {
			continue
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				if spec, ok := spec.(*ast.TypeSpec); ok && spec.Name.Name == name {
					why := "is declared in a file that build constraints keep out of the package here"
					if strings.HasSuffix(path, "_test.go") {
						why = "is declared in a test file, and types of tests cannot be shared"
					}
					return fset.Position(spec.Name.Pos()), why
				}
			}
		}
	}
	return token.Position{}, ""
}

// qualify writes other packages' names as the user's code would.
func (src *source) qualify(p *types.Package) string {
	if p == src.types {
		return ""
	}
	return p.Name()
}
