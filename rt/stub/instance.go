package stub

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/value"
)

// TypeArg is a type argument of an instance of a generic type. [TypeArgOf] makes it.
type TypeArg struct {
	param string
	typ   reflect.Type
}

// TypeArgOf describes T as the argument of the type parameter called param.
func TypeArgOf[T any](param string) TypeArg { return TypeArg{param, reflect.TypeFor[T]()} }

// RegisterInstance registers s, which must be complete, for the daemon that this
// program may become. It appends the type arguments to the name of s:
// "example.com/cache.Cache[string,example.com/app.User]". A type of package main has
// the program's import path in it. RegisterInstance returns s, or the service that was
// registered before with the same type arguments. It may be called concurrently.
//
// A daemon has only the services that package initialisation registers. A registration
// after [CloseRegistry] is late: see [Service.Late].
func RegisterInstance(s *Service) *Service {
	names := make([]string, len(s.TypeArgs))
	for i, a := range s.TypeArgs {
		names[i] = typeName(a.typ)
	}
	s.Name += "[" + strings.Join(names, ",") + "]"
	registry.Lock()
	defer registry.Unlock()
	s.late = registry.closed
	switch earlier := registry.services[s.Name]; {
	case earlier == nil:
		s.register()
	case slices.Equal(earlier.TypeArgs, s.TypeArgs):
		return earlier
	default: // types declared in different functions may have the same name
		s.refusal = fmt.Errorf("other types of the same names are the type arguments of %s: declare them outside of functions", cut.Name(s.Name))
	}
	return s
}

// CloseRegistry marks the end of the program's package initialisation. It may be called
// more than once and concurrently.
func CloseRegistry() {
	registry.Lock()
	defer registry.Unlock()
	registry.closed = true
}

// Late reports whether s is an instance that was registered too late for a daemon of
// this program to serve it. It may be called concurrently.
func (s *Service) Late() bool { return s.late }

// Refusal returns an error that names the type argument whose values cannot be sent, or
// nil if all can. It may be called concurrently.
func (s *Service) Refusal() error {
	s.once.Do(s.inspect)
	return s.refusal
}

// refuse finds a method of an instance whose values cannot be sent. The generator has
// already checked the types that do not depend on type arguments.
func (s *Service) refuse() error {
	for _, m := range s.Methods {
		t := reflect.TypeOf(m.Func)
		values := slices.Concat(slices.Collect(t.Ins())[1:], m.results(t))
		for _, v := range values {
			if v == contextType || v == errorType || v == logValueType || value.PlanOf(v).Refusal() == nil {
				continue
			}
			for _, a := range s.TypeArgs {
				if reason := value.PlanOf(a.typ).Refusal(); reason != nil {
					return fmt.Errorf("type argument %s, which %s needs: %w", a.param, cut.Name(m.Name), reason)
				}
			}
			return fmt.Errorf("method %s: %w", cut.Name(m.Name), value.PlanOf(v).Refusal())
		}
	}
	return nil
}

// Structure returns the type arguments as signatures spell types. Two builds may have
// instances with equal names and different type arguments. It returns "" for a service
// that is not an instance. It may be called concurrently.
func (s *Service) Structure() string {
	var args []string
	for _, a := range s.TypeArgs {
		args = append(args, value.Spell(a.typ))
	}
	return strings.Join(args, ", ")
}

// typeName returns the name of a type with import paths, otherwise as package reflect
// writes it.
func typeName(t reflect.Type) string {
	switch {
	case t.PkgPath() != "":
		return value.PathName(t)
	case t.Name() != "": // predeclared
		return t.Name()
	case t == reflect.TypeFor[any]():
		return "any"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + typeName(t.Elem())
	case reflect.Slice:
		return "[]" + typeName(t.Elem())
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), typeName(t.Elem()))
	case reflect.Map:
		return "map[" + typeName(t.Key()) + "]" + typeName(t.Elem())
	case reflect.Struct:
		return structName(t)
	case reflect.Interface:
		return interfaceName(t)
	}
	return strings.Join(strings.Fields(t.String()), " ") // no value can be sent
}

// structName writes a struct type that has no name.
func structName(t reflect.Type) string {
	fields := make([]string, t.NumField())
	for i := range fields {
		f := t.Field(i)
		fields[i] = typeName(f.Type)
		if !f.Anonymous {
			fields[i] = f.Name + " " + fields[i]
		}
		if f.Tag != "" {
			fields[i] += " " + strconv.Quote(string(f.Tag))
		}
	}
	if len(fields) == 0 {
		return "struct {}"
	}
	return "struct { " + strings.Join(fields, "; ") + " }"
}

// interfaceName writes an interface type that has no name and some methods.
func interfaceName(t reflect.Type) string {
	list := func(types iter.Seq[reflect.Type]) string {
		var names []string
		for t := range types {
			names = append(names, typeName(t))
		}
		return "(" + strings.Join(names, ", ") + ")"
	}
	methods := make([]string, t.NumMethod())
	for i := range methods {
		m := t.Method(i)
		methods[i] = m.Name + m.PkgPath + list(m.Type.Ins()) + " " + list(m.Type.Outs())
		if m.Type.IsVariadic() {
			methods[i] += " ..."
		}
	}
	return "interface { " + strings.Join(methods, "; ") + " }"
}
