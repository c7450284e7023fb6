package stub

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/value"
)

// TypeArg is a type argument of an instance of a generic type. [TypeArgOf] makes it.
type TypeArg struct {
	param, name string
	typ         reflect.Type
}

// instance has the name of T, with import paths, in its own name.
type instance[T any] struct{}

// TypeArgOf describes T as the argument of the type parameter called param.
func TypeArgOf[T any](param string) TypeArg {
	_, name, _ := strings.Cut(reflect.TypeFor[instance[T]]().String(), "[")
	name = strings.ReplaceAll(strings.TrimSuffix(name, "]"), "interface {}", "any")
	return TypeArg{param, value.WithImportPaths(name), reflect.TypeFor[T]()}
}

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
		names[i] = a.name
	}
	s.Name += "[" + strings.Join(names, ",") + "]"
	registry.Lock()
	defer registry.Unlock()
	s.late = registry.closed
	if earlier := registry.services[s.Name]; earlier != nil {
		return earlier
	}
	s.register()
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
		for _, v := range append(m.params(t), m.results(t)...) {
			if v == errorType || v == logValueType || value.PlanOf(v).Refusal() == nil {
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
		args = append(args, value.Spell(a.typ).String())
	}
	return strings.Join(args, ", ")
}
