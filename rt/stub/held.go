package stub

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/cut"
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

// explicit has the named types for which [RegisterType] was called.
var explicit struct {
	sync.Mutex
	types []reflect.Type
}

// addExplicit adds t, or the named types of which t consists.
func addExplicit(t reflect.Type) {
	switch {
	case builtin[t] != "":
	case t.PkgPath() != "":
		explicit.Lock()
		defer explicit.Unlock()
		if !slices.Contains(explicit.types, t) {
			explicit.types = append(explicit.types, t)
		}
	case t.Kind() == reflect.Map:
		addExplicit(t.Key())
		addExplicit(t.Elem())
	default:
		addExplicit(t.Elem())
	}
}

// Held returns the types that interfaces in the results of the methods, or in
// parameters that are copied back, can hold. These are the data types of s and the
// types for which RegisterType was called so far, except error types. Methods that are
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
		k, f := knownOf(t)
		if f != nil {
			continue // the type cannot be sent
		}
		h := HeldType{Name: k.name}
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
		types = append(types, d.typ)
	}
	explicit.Lock()
	types = append(types, explicit.types...)
	explicit.Unlock()
	var unique []reflect.Type
	for _, t := range types {
		isError := slices.ContainsFunc(s.ErrorTypes, func(e ErrorType) bool { return e.typ == t })
		if !isError && builtin[t] == "" && t.PkgPath() != "" && !slices.Contains(unique, t) {
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
	place := 0
	for i := 1; i < t.NumIn(); i++ {
		if t.In(i) == contextType {
			continue
		}
		if slices.Contains(m.InOut, place) || slices.Contains(m.Out, place) {
			types = append(types, t.In(i))
		}
		place++
	}
	var found []reflect.Type
	seen := make(map[*plan]bool)
	for _, t := range types {
		if t != errorType && t != logValueType {
			found = planOf(t).interfaces(found, seen)
		}
	}
	return found
}

// interfaces appends the interfaces in p, errors excepted, to found.
func (p *plan) interfaces(found []reflect.Type, seen map[*plan]bool) []reflect.Type {
	if !p.open || seen[p] {
		return found
	}
	seen[p] = true
	if p.shape == shapeInterface && !slices.Contains(found, p.typ) {
		return append(found, p.typ)
	}
	for _, q := range []*plan{p.key, p.elem} {
		if q != nil {
			found = q.interfaces(found, seen)
		}
	}
	if p.fields != nil {
		for _, m := range p.fields.flat {
			found = m.plan.interfaces(found, seen)
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
	seen := make(map[*plan]bool)
	for before := 0; before < len(m.interfaces); {
		before = len(m.interfaces)
		for _, t := range types {
			if m.holds(t) {
				m.interfaces = planOf(t).interfaces(m.interfaces, seen)
			}
		}
	}
}

// Missing returns an error if this process cannot decode values of the registered type
// with this name on the wire, and nil if it can. It may be called concurrently.
func Missing(name string) error {
	plain, _, _ := strings.Cut(name, "#")
	t := registered(plain)
	if t == nil {
		return fmt.Errorf("type %s is not registered in this program", cut.Name(plain))
	}
	if k, f := knownOf(t); f != nil || k.name != name {
		return fmt.Errorf("type %s differs between the two programs", cut.Name(plain))
	}
	return nil
}
