package stub

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
)

// TypeArg is a type argument of a generic type's instance, made by [TypeArgOf].
type TypeArg struct {
	param string
	typ   reflect.Type
}

// TypeArgOf describes T as the argument for the type parameter called param.
func TypeArgOf[T any](param string) TypeArg { return TypeArg{param, reflect.TypeFor[T]()} }

// RegisterInstance makes s, which is complete, known to the daemon that this
// program may become, and completes its name by its type arguments:
// "example.com/cache.Cache[string,example.com/app.User]". A type of package main has
// the program's import path in it. It returns s, or the
// service that was registered with the same type arguments before. It may be
// called concurrently.
//
// A daemon has what its packages' initialisation registers and nothing else:
// what comes after [CloseRegistry] is late.
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
	default: // types declared in functions may have one name
		s.refusal = fmt.Errorf("other types of the same names are the type arguments of %s: declare them outside of functions", cut.Name(s.Name))
	}
	return s
}

// CloseRegistry is called when the program's packages are initialised.
func CloseRegistry() {
	registry.Lock()
	defer registry.Unlock()
	registry.closed = true
}

// Late reports whether s is an instance that was not registered in time for a
// daemon of this program to serve it.
func (s *Service) Late() bool { return s.late }

// Refusal says why no values of an instance's type arguments can travel, naming
// the argument, or is nil. It may be called concurrently.
func (s *Service) Refusal() error {
	s.once.Do(s.inspect)
	return s.refusal
}

// refuse finds a method of an instance whose values cannot travel. What does not
// depend on type arguments was judged by the generator.
func (s *Service) refuse() error {
	for _, m := range s.Methods {
		t := reflect.TypeOf(m.Func)
		values := slices.Concat(slices.Collect(t.Ins())[1:], m.results(t))
		for _, v := range values {
			if v == contextType || v == errorType || v == logValueType || planOf(v).root == nil {
				continue
			}
			for _, a := range s.TypeArgs {
				if root := planOf(a.typ).root; root != nil {
					return fmt.Errorf("type argument %s, which %s needs: %w", a.param, cut.Name(m.Name), root.in(a.typ))
				}
			}
			return fmt.Errorf("method %s: %w", cut.Name(m.Name), planOf(v).root.in(v))
		}
	}
	return nil
}

// Structure spells the type arguments out, as in signatures: two instances with
// equal names may have different ones in two builds. It is empty for a service
// that is no instance.
func (s *Service) Structure() string {
	var args []string
	for _, a := range s.TypeArgs {
		var sp speller
		sp.spell(planOf(a.typ))
		args = append(args, sp.String())
	}
	return strings.Join(args, ", ")
}

// typeName writes a type with import paths, otherwise as package reflect does.
func typeName(t reflect.Type) string {
	switch {
	case t.PkgPath() != "":
		return pathName(t)
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
