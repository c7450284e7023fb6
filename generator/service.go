package generator

import (
	"go/types"
	"strings"
)

// service is one type to be shared, with all that emit needs to know.
type service struct {
	*target
	src         *source
	constructor *constructor // nil: the zero value
	methods     []*method    // sorted by name
	sentinels   []types.Object
	errorTypes  []errorType
	dataTypes   []types.Type  // that interfaces can hold
	constraint  string        // build constraint of the type and of the generated file, or ""
	output      string        // the path of the generated file
	hook        bool          // the daemon serves in the init function of the generated file
	check       bool          // LOOPGEN_CHECK=1 may read arguments after a call
	interfaces  []implemented // well-known ones of *T
	summary     Summary

	// implementers are the data types that implement an interface.
	implementers map[*types.Named][]types.Type
	judging      int // how many of them are being looked for
}

// typeName returns the name of the type in comments and diagnostics.
func (s *service) typeName() string { return s.title(s.src.qualify) }

// foreign reports whether the package of the generated file is another one than
// that of the type.
func (s *service) foreign() bool { return !s.src.isOwn(s.spec.path) }

// newService looks at a type. It returns nil after reporting why the type cannot be
// shared. It adds the names of its methods to known.
func newService(r *reporter, o *checkOptions, src *source, t *target, output string, known map[string]bool) *service {
	s := &service{target: t, src: src, output: output, hook: o.Hook == "init"}
	name := s.typeName()
	if file := src.FileOf(t.pos); file != nil && !s.foreign() {
		s.constraint = src.Builds.Constraint(file)
	} else if !s.isEverywhere(t.typ.Obj()) {
		s.constraint = src.Builds.ConstraintOf(t.typ.Obj())
	}
	if src.UsesC {
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

// qualify writes other packages' names as the user's code would.
func (src *source) qualify(p *types.Package) string {
	if p == src.Types {
		return ""
	}
	return p.Name()
}

// qualified writes the name of a package-level object as the user's code would.
func (src *source) qualified(obj types.Object) string {
	return strings.TrimPrefix(src.qualify(obj.Pkg())+"."+obj.Name(), ".")
}

// isEverywhere reports whether obj, a method or what a package declares, is there
// in all builds that have the generated file.
func (s *service) isEverywhere(obj types.Object) bool { return s.elsewhere(obj) == "" }

// elsewhere describes a build that has the generated file and lacks obj, or declares it
// otherwise, with the files that decide it. It returns "" if there is none.
func (s *service) elsewhere(obj types.Object) string {
	d := s.src.Builds.Differs(obj, s.constraint)
	switch {
	case d == nil:
		return ""
	case d.Other != "":
		return "in a build for " + d.Build + " " + d.Other + " declares it otherwise than " + d.Files[0]
	}
	return "a build for " + d.Build + " leaves out " + strings.Join(d.Files, " and ")
}

// isBound reports whether m is promoted from a type that only some builds have: in
// the others, what embeds it does not compile either.
func (s *service) isBound(m *method) bool {
	if m.from == "" {
		return false
	}
	t, _ := pointee(m.fn.Signature().Recv().Type())
	tn := typeNameOf(t)
	return tn != nil && tn.Exported() && !s.isEverywhere(tn)
}
