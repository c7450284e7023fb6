package stub

import (
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// If a method returns a value of a registered type in an interface, and the client's
// program has not registered the type, the result is lost: the method has run, and its
// result cannot be decoded. So the daemon lists the types that its methods can return
// in interfaces, and the client looks for types that it lacks.

// HeldType is a registered type whose values methods can return in interfaces.
type HeldType struct {
	Name    string // name of the type on the wire
	Methods []int  // indices of these methods, ascending
}

// Held returns the types that interfaces in the results of the methods, or in
// parameters that are copied back, can hold. These are the data types of s and the
// types for which value.RegisterType was called so far, except error types. Methods that are
// Shared or Idempotent are excluded, since nothing is lost if such a call is repeated.
// It may be called concurrently.
func (s *Service) Held() []HeldType {
	var open []openMethod
	for i := range s.Methods {
		m := &s.Methods[i]
		if m.Mode == Shared || m.Idempotent {
			continue
		}
		if found := m.returnedInterfaces(); len(found) > 0 {
			open = append(open, openMethod{i, found})
		}
	}
	if len(open) == 0 {
		return nil // without making the plans of the data types
	}
	types := s.holdable()
	for i := range open {
		open[i].spread(types)
	}
	var held []HeldType
	for _, t := range types {
		name, ok := value.NameOf(t)
		if !ok {
			continue // the type cannot be sent
		}
		h := HeldType{Name: name}
		for _, m := range open {
			if m.holds(t) {
				h.Methods = append(h.Methods, m.index)
			}
		}
		if len(h.Methods) > 0 {
			held = append(held, h)
		}
	}
	return held
}

// holdable returns the types whose values an interface of s can hold. Error types are
// excluded: an error can always be rebuilt.
func (s *Service) holdable() []reflect.Type {
	var types []reflect.Type
	for _, d := range s.DataTypes {
		types = append(types, d.Type())
	}
	types = append(types, value.Registered()...)
	var unique []reflect.Type
	for _, t := range types {
		isError := slices.ContainsFunc(s.ErrorTypes, func(e ErrorType) bool { return e.Type() == t })
		if !isError && !value.IsBuiltin(t) && t.PkgPath() != "" && !slices.Contains(unique, t) {
			unique = append(unique, t)
		}
	}
	return unique
}

// openMethod is a method that returns interfaces.
type openMethod struct {
	index      int
	interfaces []reflect.Type
}

// returnedInterfaces returns the interfaces in the results of m and in its parameters
// that are copied back.
func (m *Method) returnedInterfaces() []reflect.Type {
	t := reflect.TypeOf(m.Func)
	types := m.results(t)
	for place, p := range m.params(t) {
		if slices.Contains(m.InOut, place) || slices.Contains(m.Out, place) {
			types = append(types, p)
		}
	}
	var found []reflect.Type
	for _, t := range types {
		if t != errorType && t != logValueType {
			found = value.PlanOf(t).Interfaces(found)
		}
	}
	return found
}

// holds reports whether an interface of m can hold a t, or a pointer to one.
func (m *openMethod) holds(t reflect.Type) bool {
	return slices.ContainsFunc(m.interfaces, func(i reflect.Type) bool {
		return t.Implements(i) || reflect.PointerTo(t).Implements(i)
	})
}

// spread adds the interfaces in the types that m can return.
func (m *openMethod) spread(types []reflect.Type) {
	for before := 0; before < len(m.interfaces); {
		before = len(m.interfaces)
		for _, t := range types {
			if m.holds(t) {
				m.interfaces = value.PlanOf(t).Interfaces(m.interfaces)
			}
		}
	}
}
