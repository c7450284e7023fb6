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
	*target
	src         *source
	constructor *constructor // nil: the zero value
	methods     []*method    // sorted by name
	sentinels   []types.Object
	errorTypes  []errorType
	dataTypes   []types.Type // that interfaces can hold
	constraint  string       // build constraint of the type and of the generated file, or ""
	hook        bool         // the daemon serves in the init function of the generated file
	check       bool         // LOOPGEN_CHECK=1 may read arguments after a call
	names       names
	interfaces  []implemented // well-known ones of *T
	summary     Summary

	// implementers are the data types that implement an interface.
	implementers map[*types.Named][]types.Type
	judging      int // how many of them are being looked for
}

// typeName returns what the type is called in comments and diagnostics.
func (s *service) typeName() string { return s.title(s.src.qualify) }

// foreign reports whether the package of the generated file is another one than
// that of the type.
func (s *service) foreign() bool { return !s.src.isOwn(s.spec.path) }

// service looks at a type. It returns nil when something about it was reported
// that keeps it from being shared. The names of its methods are added to known.
func (src *source) service(r *reporter, o *Options, t *target, known map[string]bool) *service {
	s := &service{target: t, src: src, hook: o.Hook == "init"}
	name := s.typeName()
	if file := src.fileOf(t.pos); file != nil && !s.foreign() {
		s.constraint = src.buildConstraint(file)
	} else if !s.isEverywhere(t.typ.Obj()) {
		s.constraint = src.buildConstraint(src.headOf(t.typ.Obj()))
	}
	if src.cgo != nil {
		s.requireCgo(o)
	}
	s.reportUnknownPromotions(r, t.typ, nil)
	switch found := s.collectMethods(r, o, known); {
	case found == 0:
		remedy := "export those that are to be shared"
		if !src.owns(t.typ.Obj().Pkg()) {
			remedy = "share a type of your own that embeds it and has some"
		}
		r.report(Error, t.pos, name, "has no exported methods", remedy)
		return nil
	case len(s.methods) == 0:
		r.report(Error, t.pos, name, "no exported method is left to share", "see the reasons given for them")
		return nil
	}
	ok := s.findConstructor(r, o)
	ok = s.checkHook(r, o) && ok
	s.collectFailures(r)
	if !ok {
		return nil
	}
	s.collectDataTypes()
	s.check = s.allowsCheck()
	return s
}

// reportMissing says where the type is instead, or what is called similarly.
func (src *source) reportMissing(r *reporter, spec *typeSpec, pkg *types.Package, pos token.Pos) {
	own := pkg == src.types
	if own {
		if at, why := src.declaredElsewhere(spec.name); why != "" {
			r.list = append(r.list, Diagnostic{Pos: at, Method: spec.name, Severity: Error,
				Reason: why, Remedy: "move it to a file that is always part of the package"})
			return
		}
	}
	reason, remedy := fmt.Sprintf("package %s (%s) declares no such type", pkg.Name(), src.dir), "run loopgen in the directory of the package that does, or name that package"
	if !own {
		reason, remedy = fmt.Sprintf("package %s exports no such type", pkg.Path()), "give the import path, a dot and the name of a type"
	}
	var all []string
	for _, other := range pkg.Scope().Names() {
		if tn, ok := pkg.Scope().Lookup(other).(*types.TypeName); ok && (own || tn.Exported()) {
			all = append(all, other)
		}
	}
	if near := nearest(spec.name, all); near != "" {
		remedy = "did you mean " + strings.TrimPrefix(spec.path+"."+near, ".") + "?"
	}
	r.report(Error, pos, spec.text, reason, remedy)
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

// qualified writes the name of a package-level object as the user's code would.
func (src *source) qualified(obj types.Object) string {
	return strings.TrimPrefix(src.qualify(obj.Pkg())+"."+obj.Name(), ".")
}
