package stub

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// A value of a registered type that a method returns in an interface is lost if
// the client's program has not registered the type: the method has run, and its
// result cannot be decoded. So the daemon tells which types its methods can return
// so, and the client looks for those that it lacks.

// HeldType is a registered type of which methods can return values in interfaces.
type HeldType struct {
	Name    string // by which it travels
	Methods []int  // the indices of these methods, ascending
}

// explicit are the types with a name that [RegisterType] was called for.
var explicit struct {
	sync.Mutex
	types []reflect.Type
}

// addExplicit adds t, or the types with a name that t is made of.
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

// Held returns the types that results of the methods, or parameters that come
// back, can hold in an interface: the data types of s and those that RegisterType
// was called for so far, errors excepted. Methods that are Shared or Idempotent are
// left out, since nothing is lost if such a call is repeated. It may be called
// concurrently.
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
		return nil // the plans of the data types are not made
	}
	types := s.holdable()
	for i := range open {
		open[i].spread(types)
	}
	var held []HeldType
	for _, t := range types {
		k, f := knownOf(t)
		if f != nil {
			continue // it cannot be sent at all
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

// holdable returns the types of which an interface of s can hold values. Error
// types are left out: an error can always be rebuilt.
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

// returnedInterfaces returns the interfaces in what comes back from m.
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

// Missing says why no value can be decoded here of the registered type that
// travels by this name, or returns nil. It may be called concurrently.
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
