package generator

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// errorType is an error type of the package that comes back as itself.
type errorType struct {
	name    string
	pointer bool // only a pointer to it is an error
}

// collectFailures finds the package's sentinels and error types, by which
// errors keep their identity on the way to the client.
func (s *service) collectFailures(r *reporter) {
	s.sentinels = s.src.sentinels()
	scope := s.src.types.Scope()
	for _, name := range s.sentinels {
		r.report(Note, scope.Lookup(name).Pos(), name, "clients get this error as itself", "")
	}
	docs := s.src.typeDocs()
	returned := slices.ContainsFunc(s.methods, func(m *method) bool { return m.fails && !m.detach })
	for _, name := range scope.Names() {
		tn, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || tn.IsAlias() {
			continue
		}
		named, ok := tn.Type().(*types.Named)
		if !ok || isKind[*types.Interface](nil, named) {
			continue
		}
		byValue, byPointer := implementsError(named), implementsError(types.NewPointer(named))
		if !byPointer || named.Origin() == s.typ.Origin() {
			continue
		}
		if len(arguments(docs[name], "skip")) > 0 {
			r.report(Note, tn.Pos(), name, "left out as asked: "+asRemote, "")
			continue
		}
		if !tn.Exported() {
			r.report(Note, tn.Pos(), name, asRemote+", since it is not exported", "")
			continue
		}
		if p := s.losesError(named); p != nil {
			severity := Note
			if returned {
				severity = Warning
			}
			if p.path == "" {
				p.path = name
			}
			switch {
			case named.TypeParams().Len() > 0:
				p.remedy = "use a plain type"
			case !p.lossy: // its remedy is for what methods pass and return
				p.remedy = "keep plain data in it, or give " + name + " both MarshalBinary and UnmarshalBinary"
			}
			r.explain(p, severity, tn.Pos(), name, asRemote+": "+p.String(), p.remedy+", or silence this with //loopgen:skip")
			continue
		}
		r.report(Note, tn.Pos(), name, "clients get errors of this type as themselves", "")
		s.errorTypes = append(s.errorTypes, errorType{name: name, pointer: !byValue})
	}
}

// asRemote is what becomes of errors of a type that clients do not rebuild.
const asRemote = "clients get errors of this type as *rt.RemoteError"

// losesError returns why an exported error type cannot be rebuilt in a client,
// or nil.
func (s *service) losesError(named *types.Named) *problem {
	w := s.walk("", false)
	if named.TypeParams().Len() > 0 {
		return w.refuse(named, "", "has type parameters, which are not supported", "")
	}
	st, ok := named.Underlying().(*types.Struct)
	if !ok {
		return w.data(named, "", false)
	}
	if whole, p := w.ownCodec(named, ""); whole || p != nil {
		return p
	}
	if p := w.lostField(named, st, named.Obj().Name()); p != nil {
		return p
	}
	for f := range st.Fields() {
		if p := w.data(f.Type(), named.Obj().Name()+"."+f.Name(), false); p != nil {
			return p.blame(f)
		}
	}
	return nil
}

// sentinels returns the names of the package's error variables that are set
// where they are declared. Others may still be nil when the table is built.
func (src *source) sentinels() []string {
	var names []string
	for _, file := range src.files {
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, spec := range gen.Specs {
				spec := spec.(*ast.ValueSpec)
				for i, id := range spec.Names {
					if src.isSentinel(spec, i, id) {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

func (src *source) isSentinel(spec *ast.ValueSpec, i int, id *ast.Ident) bool {
	if !strings.HasPrefix(id.Name, "Err") && !strings.HasPrefix(id.Name, "err") || len(spec.Values) == 0 {
		return false
	}
	if value, ok := spec.Values[min(i, len(spec.Values)-1)].(*ast.Ident); ok && value.Name == "nil" {
		return false
	}
	obj := src.types.Scope().Lookup(id.Name)
	return obj != nil && implementsError(obj.Type())
}

func implementsError(t types.Type) bool {
	return types.Implements(t, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}
