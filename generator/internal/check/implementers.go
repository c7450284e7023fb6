package check

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// Both programs must know the types in interfaces by name. The generated file registers
// them: the types in signatures, wherever in them; the exported data types of the
// package; and the types that implement an interface, in the package that declares it.
// The shared type itself is among them if it is data: it may implement the interface that
// its own methods take, as a vector's Copy(from Vector).

// implemented reports whether a data type is known that implements the
// interface.
func (s *Service) implemented(i *types.Named) bool {
	const deep = 4 // interfaces that wait for each other; more are not worth the time
	found, judged := s.implementers[i]
	if judged || s.judging >= deep {
		return len(found) > 0
	}
	if s.implementers == nil {
		s.implementers = make(map[*types.Named][]types.Type)
	}
	s.judging++
	// Meanwhile nothing implements it: a type that contains the interface itself is data
	// only if another type implements it.
	s.implementers[i] = nil
	s.implementers[i] = s.implementersOf(i)
	if len(s.implementers[i]) > 0 {
		s.implementers[i] = s.implementersOf(i)
	}
	s.judging--
	found = s.implementers[i]
	if len(found) == 0 && s.judging > 0 {
		delete(s.implementers, i) // one that waits may be the reason
	}
	return len(found) > 0
}

func (s *Service) implementersOf(i *types.Named) []types.Type {
	candidates := s.exportedTypes(s.Src.Types, s.typ.Obj().Pkg(), i.Obj().Pkg())
	if s.Src.nameable(s.typ.Obj()) && len(s.Params) == 0 {
		candidates = append(candidates, s.typ)
	}
	var found []types.Type
	for _, t := range candidates {
		if holds(i, t) && s.isData(t) {
			found = append(found, t)
		}
	}
	return found
}

// exportedTypes are the types that the packages export and that are neither
// interfaces nor generic, but for the shared type. A package may be given twice, or
// nil.
func (s *Service) exportedTypes(packages ...*types.Package) []types.Type {
	var list []types.Type
	for i, p := range packages {
		if p == nil || slices.Contains(packages[:i], p) {
			continue
		}
		s.Src.Imports.Complete(p)
		for _, tn := range objects[*types.TypeName](p.Scope()) {
			named, ok := tn.Type().(*types.Named)
			if ok && tn.Exported() && !tn.IsAlias() && s.Src.nameable(tn) && named != s.typ && named.TypeParams().Len() == 0 && !isKind[*types.Interface](nil, named) {
				list = append(list, named)
			}
		}
	}
	return list
}

// isData reports whether values of t travel in an interface, and nothing of them is
// lost.
func (s *Service) isData(t types.Type) bool {
	w := s.walk("", false)
	return w.data(t, "", false) == nil && w.tooDeep(t, 1) == nil
}

// holds reports whether a variable of interface i can be expected to hold a
// copy of a t. Where the methods of i do something, a pointer, slice or map is
// there to have it done to itself: of a copy it would be lost.
func holds(i *types.Named, t types.Type) bool {
	methods := i.Underlying().(*types.Interface)
	if acts(methods) {
		switch t.Underlying().(type) {
		case *types.Slice, *types.Map:
			return false
		}
		return implements(t, methods)
	}
	return implements(types.NewPointer(t), methods)
}

// acts reports whether a method of i returns nothing, or only whether it
// failed. Methods that merely mark a type have no parameters and no export.
func acts(i *types.Interface) bool {
	for m := range i.Methods() {
		results := m.Signature().Results()
		marks := !m.Exported() && m.Signature().Params().Len() == 0 && results.Len() == 0
		if !marks && (results.Len() == 0 || results.Len() == 1 && isError(results.At(0).Type())) {
			return true
		}
	}
	return false
}

// collectDataTypes finds the types to register. There are none if no interface
// is ever sent.
func (s collector) collectDataTypes() {
	c := &heldTypes{service: s.Service, docs: s.Src.typeDocs(), seen: make(map[types.Type]bool)}
	for _, m := range s.Methods {
		if m.Detach {
			continue
		}
		for _, v := range slices.Concat(m.WithoutContext(), m.Results) {
			c.visit(v.Typ)
		}
	}
	if s.Constructor != nil {
		for _, v := range s.Constructor.Params {
			c.visit(v.Typ)
		}
	}
	for _, e := range s.ErrorTypes {
		c.visit(e.Obj.Type())
	}
	if !c.open {
		return
	}
	for _, t := range c.met {
		c.add(t)
	}
	for _, t := range s.exportedTypes(s.Src.Types, s.typ.Obj().Pkg()) {
		if s.isEverywhere(TypeNameOf(t)) {
			c.add(t)
		}
	}
	slices.SortFunc(c.found, func(a, b types.Type) int {
		return strings.Compare(types.TypeString(a, s.sortedFirst), types.TypeString(b, s.sortedFirst))
	})
	s.DataTypes = c.found
}

// sortedFirst qualifies names such that the package's own come first.
func (s collector) sortedFirst(p *types.Package) string {
	if p == s.Src.Types {
		return ""
	}
	return "~" + p.Path()
}

// heldTypes collects the types of values in interfaces, if there is an interface.
type heldTypes struct {
	service *Service
	docs    map[string]*ast.CommentGroup
	open    bool // an interface was met
	self    bool // one that may hold the shared type was met
	seen    map[types.Type]bool
	met     []types.Type
	found   []types.Type // the data among those met
}

// visit follows t to everything a value of it is made of.
func (c *heldTypes) visit(t types.Type) {
	t = types.Unalias(t)
	if IsTypeParam(t) {
		return // the runtime knows the type argument of each instance
	}
	if named, ok := t.(*types.Named); ok {
		if c.seen[named] || isError(named) {
			return
		}
		c.seen[named] = true
		c.met = append(c.met, named)
		if whole, _ := c.service.walk("", false).ownCodec(named, ""); whole {
			return
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Array, *types.Map:
		for part := range parts(u) {
			c.visit(part)
		}
	case *types.Struct:
		for f := range u.Fields() {
			if f.Name() != "_" {
				c.visit(f.Type())
			}
		}
	case *types.Interface:
		c.open = true
		if named, ok := t.(*types.Named); ok {
			for _, held := range c.service.implementers[named] {
				if types.Identical(held, c.service.typ) && !c.self {
					c.self = true
					delete(c.seen, c.service.typ) // it may have been met elsewhere
				}
				c.visit(held)
			}
		}
	}
}

// add takes t, if values of it can be sent and the file can name it. Times are
// known everywhere.
func (c *heldTypes) add(t types.Type) {
	named := t.(*types.Named)
	pkg := named.Obj().Pkg()
	switch {
	case pkg == nil, IsNamed(t, "time", "Time"), IsNamed(t, "time", "Duration"):
	case types.Identical(named, c.service.typ) && !c.self, !c.service.Src.nameable(named.Obj()):
	case pkg == c.service.Src.Types && len(arguments(c.docs[named.Obj().Name()], "skip")) > 0: // an error type, left out as asked
	case pkg.Path() == "syscall" || strings.HasPrefix(pkg.Path(), "golang.org/x/sys/"): // another on each system
	case slices.ContainsFunc(c.found, func(other types.Type) bool { return types.Identical(t, other) }):
	case c.service.isData(t):
		c.found = append(c.found, t)
	}
}
