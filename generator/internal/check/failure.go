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

// errorType is an error type of the package that comes back as itself.
type errorType struct {
	Obj     *types.TypeName
	Pointer bool // only a pointer to it is an error
}

// failures finds the errors that keep their identity.
type failures struct{ *Service }

// collectFailures finds the sentinels and error types by which errors keep their
// identity on the way to the client.
func (s failures) collectFailures(r *Reporter) {
	packages, err := s.failing()
	if err != nil {
		r.Report(Error, s.Pos, s.TypeName(), err.Error(), "")
		return
	}
	for _, p := range packages {
		if p == s.Src.Types {
			s.collectSentinels(r, sentinels(s.Src.Package))
			s.collectErrorTypes(r, p, s.Src.typeDocs())
			continue
		}
		s.collectSentinels(r, exportedSentinels(p))
		s.collectErrorTypes(r, p, nil)
	}
}

// failing returns the packages whose errors clients may get: that of the type, the
// user's own if it declares the constructor, and the packages of promoted methods.
func (s failures) failing() ([]*types.Package, error) {
	list := []*types.Package{s.typ.Obj().Pkg()}
	if own := s.Src.Types; list[0] != own && s.Constructor.uses(own) {
		list = slices.Insert(list, 0, own)
	}
	var missing []string
	for _, m := range s.Methods {
		p := m.fn.Pkg()
		if p == nil || m.from == "" || !m.Fails || m.Detach || !s.Src.canImport(p) || slices.Contains(list, p) {
			continue
		}
		list = append(list, p)
		if !p.Complete() { // it is not imported here, only known from others
			missing = append(missing, p.Path())
		}
	}
	if err := s.Src.Imports.Load(missing); err != nil {
		return nil, err
	}
	for _, path := range missing {
		if _, err := s.Src.Imports.Import(path); err != nil {
			return nil, fmt.Errorf("cannot import %s: %w", path, err)
		}
	}
	return list, nil
}

func (s failures) collectSentinels(r *Reporter, found []*types.Var) {
	for _, v := range found {
		if !s.isElsewhere(r, v) {
			s.Sentinels = append(s.Sentinels, v)
			r.declared(s.blamed(v), s.Src.qualified(v), s.Src.place(v))
			r.Report(Note, s.blamed(v), s.Src.qualified(v), "clients get this error as itself", "")
		}
	}
}

// exportedSentinels returns the error variables of another package.
func exportedSentinels(p *types.Package) []*types.Var {
	return slices.DeleteFunc(objects[*types.Var](p.Scope()), func(v *types.Var) bool {
		return !strings.HasPrefix(v.Name(), "Err") || !implementsError(v.Type())
	})
}

// collectErrorTypes adds the exported error types of pkg to s.ErrorTypes. docs
// are their comments, nil for a package that its user cannot change.
func (s failures) collectErrorTypes(r *Reporter, pkg *types.Package, docs map[string]*ast.CommentGroup) {
	for _, tn := range objects[*types.TypeName](pkg.Scope()) {
		name := tn.Name()
		named, ok := tn.Type().(*types.Named)
		if !ok || tn.IsAlias() || isKind[*types.Interface](nil, named) {
			continue
		}
		r.declared(s.blamed(tn), name, s.Src.place(tn))
		byValue, byPointer := implementsError(named), implementsError(types.NewPointer(named))
		if !byPointer || docs == nil && !tn.Exported() || named.Origin() == s.typ.Origin() {
			continue
		}
		if len(arguments(docs[name], "skip")) > 0 {
			r.Report(Note, tn.Pos(), name, "left out as asked: "+asRemote, "")
			continue
		}
		if !tn.Exported() {
			r.Report(Note, tn.Pos(), name, asRemote+", since it is not exported", "")
			continue
		}
		if p := s.losesError(named); p != nil {
			severity := Note
			if docs != nil && s.mayFail() {
				severity = Warning
			}
			if p.path == "" {
				p.path = name
			}
			switch {
			case named.TypeParams().Len() > 0:
				p.remedy = "use a plain type"
			case !p.lossy: // its remedy is for parameters and results
				p.remedy = "keep plain data in it, or give " + name + " both MarshalBinary and UnmarshalBinary"
			}
			if docs != nil {
				p.remedy += ", or silence this with //loopgen:skip"
			} else if !s.Src.owns(pkg) {
				p.remedy = ""
			}
			r.explain(p, severity, s.blamed(tn), name, asRemote+": "+p.String(), p.remedy)
			continue
		}
		if s.isElsewhere(r, tn) {
			continue
		}
		r.Report(Note, s.blamed(tn), name, "clients get errors of this type as themselves", "")
		s.ErrorTypes = append(s.ErrorTypes, errorType{tn, !byValue})
	}
}

func (s failures) mayFail() bool {
	return slices.ContainsFunc(s.Methods, func(m *Method) bool { return m.Fails && !m.Detach })
}

// isElsewhere reports whether a build that has the generated file may lack obj. If so,
// it reports a diagnostic.
func (s failures) isElsewhere(r *Reporter, obj types.Object) bool {
	elsewhere := s.elsewhere(obj)
	if elsewhere == "" {
		return false
	}
	severity, remedy := Note, ""
	if obj.Pkg() == s.Src.Types {
		remedy = "declare it in a file without build constraints"
		if s.mayFail() {
			severity = Warning
		}
	}
	became := "clients get this error as *rt.RemoteError"
	if _, ok := obj.(*types.TypeName); ok {
		became = asRemote
	}
	r.Report(severity, s.blamed(obj), s.Src.qualified(obj), became+", since not all builds of the package declare it: "+elsewhere, remedy)
	return true
}

// asRemote is the reason for an error type that clients do not rebuild.
const asRemote = "clients get errors of this type as *rt.RemoteError"

// losesError returns why an exported error type cannot be rebuilt in a client,
// or nil.
func (s failures) losesError(named *types.Named) *problem {
	w := s.walk("", false)
	if named.TypeParams().Len() > 0 {
		return w.refuse(named, "", "has type parameters, which are not supported", "")
	}
	st, ok := named.Underlying().(*types.Struct)
	if !ok {
		return w.whole(named)
	}
	if whole, p := w.ownCodec(named, ""); whole || p != nil {
		return p
	}
	if p := w.lostField(named, st, named.Obj().Name()); p != nil {
		return p
	}
	w.named = true
	for f := range st.Fields() {
		if p := w.data(f.Type(), named.Obj().Name()+"."+f.Name(), false); p != nil {
			return p.writtenAt(s.Src, f.Pos()).blame(f)
		}
		if p := w.tooDeep(f.Type(), 0); p != nil {
			p.path = named.Obj().Name() + "." + f.Name()
			return p.blame(f)
		}
	}
	return nil
}

// sentinels returns the package's error variables that are set where they are
// declared. Others may still be nil when the table is built.
func sentinels(pkg *load.Package) []*types.Var {
	var found []*types.Var
	for spec := range specsOf[*ast.ValueSpec](pkg.Files, token.VAR) {
		for i, id := range spec.Names {
			if v, ok := pkg.Types.Scope().Lookup(id.Name).(*types.Var); ok && isSentinel(pkg, spec, i, v) {
				found = append(found, v)
			}
		}
	}
	slices.SortFunc(found, func(a, b *types.Var) int { return strings.Compare(a.Name(), b.Name()) })
	return found
}

func isSentinel(pkg *load.Package, spec *ast.ValueSpec, i int, v *types.Var) bool {
	if !strings.HasPrefix(v.Name(), "Err") && !strings.HasPrefix(v.Name(), "err") || len(spec.Values) == 0 {
		return false
	}
	value, t := spec.Values[min(i, len(spec.Values)-1)], v.Type()
	if len(spec.Values) == len(spec.Names) {
		t = writtenTypes{pkg}.valueType(t, value)
	}
	return !isIdent(value, "nil") && implementsError(t)
}

func implementsError(t types.Type) bool {
	return implements(t, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}
