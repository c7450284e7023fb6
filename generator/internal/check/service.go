package check

import (
	"go/types"
	"strings"
)

// Service is one type to be shared, with all that emit needs to know.
type Service struct {
	*target
	Src         *Source
	Constructor *Constructor // nil: the zero value
	Methods     []*Method    // sorted by name
	Sentinels   []*types.Var
	ErrorTypes  []errorType
	DataTypes   []types.Type  // that interfaces can hold
	Constraint  string        // build constraint of the type and of the generated file, or ""
	Output      string        // the path of the generated file
	Hook        bool          // the daemon serves in the init function of the generated file
	Check       bool          // LOOPGEN_CHECK=1 may read arguments after a call
	interfaces  []implemented // well-known ones of *T
	Summary     Summary

	// implementers are the data types that implement an interface.
	implementers map[*types.Named][]types.Type
	judging      int // how many of them are being looked for
}

// TypeName returns the name of the type in comments and diagnostics.
func (s *Service) TypeName() string { return s.title(s.Src.qualify) }

// Foreign reports whether the package of the generated file is another one than
// that of the type.
func (s *Service) Foreign() bool { return !s.Src.IsOwn(s.Spec.Path) }

// NewService looks at a type. It returns nil after reporting why the type cannot be
// shared. It adds the names of its methods to known.
func NewService(r *Reporter, o *Options, src *Source, t *target, output string, known map[string]bool) *Service {
	s := &Service{target: t, Src: src, Output: output, Hook: o.Hook == "init"}
	name := s.TypeName()
	if file := src.FileOf(t.Pos); file != nil && !s.Foreign() {
		s.Constraint = src.Builds.Constraint(file)
	} else if !s.isEverywhere(t.typ.Obj()) {
		s.Constraint = src.Builds.ConstraintOf(t.typ.Obj())
	}
	if src.UsesC {
		collector{s}.requireCgo(o)
	}
	collector{s}.reportUnknownPromotions(r, t.typ, nil)
	switch found := (collector{s}).collectMethods(r, o, known); {
	case found == 0:
		remedy := "export those that are to be shared"
		if !src.owns(t.typ.Obj().Pkg()) {
			remedy = "share a type of your own that embeds it and has some"
		}
		r.Report(Error, t.Pos, name, "has no exported methods", remedy)
		return nil
	case len(s.Methods) == 0:
		r.Report(Error, t.Pos, name, "no exported method is left to share", "see the reasons given for them")
		return nil
	}
	ok := constructors{s}.findConstructor(r, o)
	ok = s.checkHook(r, o) && ok
	failures{s}.collectFailures(r)
	if !ok {
		return nil
	}
	collector{s}.collectDataTypes()
	s.Check = collector{s}.allowsCheck()
	return s
}

// qualify writes other packages' names as the user's code would.
func (src *Source) qualify(p *types.Package) string {
	if p == src.Types {
		return ""
	}
	return p.Name()
}

// qualified writes the name of a package-level object as the user's code would.
func (src *Source) qualified(obj types.Object) string {
	return strings.TrimPrefix(src.qualify(obj.Pkg())+"."+obj.Name(), ".")
}

// isEverywhere reports whether all builds that have the generated file have obj, a
// method or a declaration of a package.
func (s *Service) isEverywhere(obj types.Object) bool { return s.elsewhere(obj) == "" }

// elsewhere describes a build that has the generated file and lacks obj, or declares it
// otherwise, with the files that decide it. It returns "" if there is none.
func (s *Service) elsewhere(obj types.Object) string {
	d := s.Src.Builds.Differs(obj, s.Constraint)
	switch {
	case d == nil:
		return ""
	case d.Other != "":
		return "in a build for " + d.Build + " " + d.Other + " declares it otherwise than " + d.Files[0]
	}
	return "a build for " + d.Build + " leaves out " + strings.Join(d.Files, " and ")
}

// isBound reports whether m is promoted from a type that only some builds have: in
// the others, the type that embeds it does not compile either.
func (s *Service) isBound(m *Method) bool {
	if m.from == "" {
		return false
	}
	t, _ := Pointee(m.fn.Signature().Recv().Type())
	tn := TypeNameOf(t)
	return tn != nil && tn.Exported() && !s.isEverywhere(tn)
}
