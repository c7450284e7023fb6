package value

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/schema"
)

// An interface can hold values of the known types: the basic types of Go, time.Time,
// time.Duration, struct{}, registered types, and pointers, slices, arrays and maps of
// known types. Each type has one name on the wire:
//
//	name       = "bool" | "int" | … | "complex128" | "string" | "uintptr"
//	           | "any" | "error" | "struct{}" | "time.Time" | "time.Duration"
//	           | "*" name | "[]" name | "[" length "]" name | "map[" name "]" name
//	           | import path "." type "#" hash     a registered type
//
// The hash covers the structure of the type, spelt as in a signature. So two programs
// with different structures have different names for the type.

// Limits of a known type, so that a name from a peer costs little.
const (
	maxTypeName  = 1024     // bytes
	maxTypeDepth = 16       // nesting of types in a name
	maxTypeSize  = 64 << 20 // bytes of a value of an array type
	typeHash     = 8        // digits
)

// errorName is the name on the wire of the type of an error that is sent as an error.
const errorName = "error"

// known is a known type.
type known struct {
	name string
	typ  reflect.Type
}

// planIn returns the plan of k for a value in an interface of plan p.
func (k *known) planIn(p *Plan) (*Plan, *fault) {
	q := PlanOf(k.typ)
	if p.inKey {
		if !k.typ.Comparable() {
			return nil, faultf("%s cannot be a map's key", k.typ)
		}
		q = keyPlanOf(k.typ)
	}
	switch {
	case q.root != nil:
		return nil, q.root.copy()
	case k.typ.Kind() == reflect.Interface || !k.typ.Implements(p.typ):
		return nil, faultf("%s is no type that a value of %s can have", k.typ, p.typ)
	}
	return q, nil
}

// world has all registered types, and the other types used so far.
var world = struct {
	sync.RWMutex
	registered map[string]reflect.Type // by import path and name
	explicit   []reflect.Type          // those for which RegisterType was called
	byName     map[string]*known
	byType     map[reflect.Type]*known
}{
	registered: make(map[string]reflect.Type),
	byName:     make(map[string]*known),
	byType:     make(map[reflect.Type]*known),
}

// declared has the data types of the services until the first lookup of a registered
// type. So a program without values in interfaces does not pay for them.
var declared struct {
	sync.Mutex
	types []DataType
}

// Declare registers types later, at the first lookup. It may be called concurrently.
func Declare(types []DataType) {
	declared.Lock()
	defer declared.Unlock()
	declared.types = append(declared.types, types...)
}

// registerDeclared registers the declared types.
func registerDeclared() {
	declared.Lock()
	defer declared.Unlock()
	for _, d := range declared.types {
		// A type that cannot be registered cannot be sent: its sender gets an error.
		_ = register(d.typ, false)
	}
	declared.types = nil
}

// registered returns the type registered with that name, or nil.
func registered(name string) reflect.Type {
	registerDeclared()
	world.RLock()
	defer world.RUnlock()
	return world.registered[name]
}

// builtin has the names of the types that need no registration, and builtinTypes the
// types.
var (
	builtin = map[reflect.Type]string{
		reflect.TypeFor[any]():      "any",
		reflect.TypeFor[struct{}](): "struct{}",
		errorType:                   errorName,
		timeType:                    "time.Time",
		durationType:                "time.Duration",
	}
	builtinTypes = make(map[string]reflect.Type)
)

func init() {
	for _, v := range []any{
		false, 0, int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0), uintptr(0),
		float32(0), 0.0, complex64(0), complex128(0), "",
	} {
		builtin[reflect.TypeOf(v)] = reflect.TypeOf(v).Name()
	}
	for t, name := range builtin {
		builtinTypes[name] = t
	}
}

// RegisterType makes t known. If t is a pointer, slice, array or map without a name, it
// makes the named types in t known. It returns an error if no value of t can ever be
// sent, if a struct or interface in t has no name, or if another type has the same
// import path and name. Registering a type again has no effect. It may be called
// concurrently.
func RegisterType(t reflect.Type) error {
	registerDeclared()
	return register(t, true)
}

// Registered returns the named types for which [RegisterType] was called. It may be called
// concurrently.
func Registered() []reflect.Type {
	world.RLock()
	defer world.RUnlock()
	return slices.Clone(world.explicit)
}

// IsBuiltin reports whether t is known without registration. It may be called concurrently.
func IsBuiltin(t reflect.Type) bool { return builtin[t] != "" }

// register makes t known. explicit says that [RegisterType] was called.
func register(t reflect.Type, explicit bool) error {
	fail := func(f *fault) error { return fmt.Errorf("registering type %w", f.in(t)) }
	if root := PlanOf(t).root; root != nil {
		return fail(root)
	}
	switch {
	case builtin[t] != "":
		return nil
	case t.PkgPath() != "":
		return registerNamed(t, explicit)
	}
	switch t.Kind() {
	case reflect.Map:
		if err := register(t.Key(), explicit); err != nil {
			return err
		}
		return register(t.Elem(), explicit)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return register(t.Elem(), explicit)
	}
	return fail(faultf("the type has no name; declare one"))
}

func registerNamed(t reflect.Type, explicit bool) error {
	name := pathName(t)
	if strings.Contains(name, "#") {
		return fmt.Errorf("registering type %s: there is a # in its name", cut.Name(t.String()))
	}
	world.Lock()
	defer world.Unlock()
	if other := world.registered[name]; other != nil && other != t {
		return fmt.Errorf("registering type %s: another type of that name and package is registered; rename one", cut.Name(t.String()))
	}
	world.registered[name] = t
	if explicit && !slices.Contains(world.explicit, t) {
		world.explicit = append(world.explicit, t)
	}
	return nil
}

// NameOf returns the name on the wire of t, and false if an interface cannot hold a t. It
// may be called concurrently.
func NameOf(t reflect.Type) (name string, ok bool) {
	k, f := knownOf(t)
	if f != nil {
		return "", false
	}
	return k.name, true
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

// knownOf returns the known type for t, or the reason why t is not known.
func knownOf(t reflect.Type) (*known, *fault) {
	world.RLock()
	k := world.byType[t]
	world.RUnlock()
	if k != nil {
		return k, nil
	}
	if p := PlanOf(t); p.root != nil {
		return nil, &fault{err: p.root.in(t)}
	}
	name, f := nameType(t)
	if f != nil {
		return nil, f
	}
	if len(name) > maxTypeName {
		return nil, faultf("the name of type %s has more than %d bytes; declare a type with a shorter one", t, maxTypeName)
	}
	return enter(&known{name, t}), nil
}

// enter stores k for the next lookup.
func enter(k *known) *known {
	world.Lock()
	defer world.Unlock()
	if world.byType[k.typ] == nil {
		world.byType[k.typ], world.byName[k.name] = k, k
	}
	return world.byType[k.typ]
}

// knownBy returns the known type called name, or the reason why there is none. Types
// that it makes count against quota.
func knownBy(name string, quota *TypeQuota) (*known, *fault) {
	world.RLock()
	k := world.byName[name]
	world.RUnlock()
	if k != nil {
		return k, nil
	}
	if len(name) > maxTypeName {
		return nil, faultf("the name of a type has more than %d bytes", maxTypeName)
	}
	tree, err := schema.ParseType(name)
	if err != nil {
		return nil, faultf("%q is no name of a type", cut.Name(name))
	}
	t, f := quota.resolve(tree, 1)
	if f != nil {
		return nil, f
	}
	k, f = knownOf(t)
	if f == nil && k.name != name {
		f = faultf("%q is no name of a type, %q is", cut.Name(name), cut.Name(k.name))
	}
	return k, f
}

// DataType is a type whose values an interface may hold. [DataTypeOf] makes it.
type DataType struct{ typ reflect.Type }

// Type returns the type.
func (d DataType) Type() reflect.Type { return d.typ }

// DataTypeOf describes the type T.
func DataTypeOf[T any]() DataType { return DataType{reflect.TypeFor[T]()} }
