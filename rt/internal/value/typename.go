package value

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

// nameType returns the name of t on the wire.
func nameType(t reflect.Type) (string, *fault) {
	var n typeNamer
	if name := n.typ(t); n.fault == nil {
		return name.String(), nil
	}
	return "", n.fault
}

// typeNamer makes the tree of a type's name on the wire.
type typeNamer struct {
	depth int
	fault *fault // the first one
}

func (n *typeNamer) typ(t reflect.Type) *schema.Type {
	n.depth++
	defer func() { n.depth-- }()
	if name := builtin[t]; name != "" && n.depth <= maxTypeDepth {
		return schema.NewWord(name)
	}
	switch {
	case n.fault != nil:
	case n.depth > maxTypeDepth:
		n.fault = faultf("it is made of more than %d types in each other; declare a type for a part of it", maxTypeDepth)
	case t.PkgPath() != "" && registered(pathName(t)) == t:
		return schema.NewWord(pathName(t) + "#" + structureHash(t))
	case t.PkgPath() != "":
		n.fault = faultf("type %s is not registered, so that an interface that holds it cannot be sent; call rt.RegisterType[%[1]s]() in an init function", t)
	case t.Kind() == reflect.Array && t.Size() > maxTypeSize:
		n.fault = faultf("an array of %d bytes is larger than an interface may hold; use a slice", t.Size())
	default:
		if tree := composed(t, n.typ); tree != nil {
			return tree
		}
		n.fault = faultf("type %s has no name, so that an interface that holds it cannot be sent; declare and register one", t)
	}
	return nil
}

// structureHash returns a hash that differs between an older and a newer type of the
// same name.
func structureHash(t reflect.Type) string {
	return wire.SignatureHash(Spell(t).String())[:typeHash]
}

// resolve returns the type with that name. Before it makes a type, it takes the type
// from q, and does not return it if it fails later.
func (q *TypeQuota) resolve(name *schema.Type, depth int) (reflect.Type, *fault) {
	if depth > maxTypeDepth {
		return nil, faultf("the name of a type has more than %d in each other", maxTypeDepth)
	}
	if name.Elem == nil {
		return resolveWord(name.String())
	}
	var key reflect.Type
	if name.Kind == schema.Map {
		var f *fault
		if key, f = q.resolve(name.Key, depth+1); f != nil {
			return nil, f
		}
		if !key.Comparable() {
			return nil, faultf("a map with keys of type %s", key)
		}
	}
	elem, f := q.resolve(name.Elem, depth+1)
	if f != nil {
		return nil, f
	}
	length := uint64(0)
	if digits := strings.Trim(name.Name, "*[]"); digits != "" {
		n, err := strconv.ParseUint(digits, 10, 31)
		switch {
		case err != nil:
			return nil, faultf("an array of length %q", digits)
		case n > wire.MaxElements && elem.Kind() != reflect.Uint8 || n > maxTypeSize || n*uint64(elem.Size()) > maxTypeSize:
			return nil, faultf("an array of %d elements of type %s is larger than an interface may hold", n, elem)
		}
		length = n
	}
	if f := q.take(); f != nil {
		return nil, f
	}
	switch {
	case name.Kind == schema.Map:
		return reflect.MapOf(key, elem), nil
	case name.Name == "*":
		return reflect.PointerTo(elem), nil
	case name.Name == "[]":
		return reflect.SliceOf(elem), nil
	}
	return reflect.ArrayOf(int(length), elem), nil
}

// resolveWord returns the builtin or registered type with that name.
func resolveWord(word string) (reflect.Type, *fault) {
	if t := builtinTypes[word]; t != nil {
		return t, nil
	}
	name, hash, ok := strings.Cut(word, "#")
	if !ok {
		return nil, faultf("%q is no name of a type", cut.Name(word))
	}
	t := registered(name)
	switch {
	case t == nil:
		return nil, &fault{err: &UnknownTypeError{Name: name}}
	case structureHash(t) != hash:
		return nil, &fault{err: &UnknownTypeError{Name: name, Differs: true}}
	}
	return t, nil
}

// mainPath returns the import path of this program's package main. Package reflect
// calls that package "main" in every program, but unrelated programs must not confuse
// each other's types. mainPath is "command-line-arguments" in a program that was built
// from files, and "main" without build information. In a test of the package, reflect
// returns the import path itself.
var mainPath = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "" {
		return "main"
	}
	return info.Path
})

// pkgPath returns the import path of the package that declares t, or "" if t is not
// declared in a package.
func pkgPath(t reflect.Type) string { return importPath(t.PkgPath()) }

// pathName returns the import path and name of t, which must have a name.
func pathName(t reflect.Type) string { return pkgPath(t) + "." + WithImportPaths(t.Name()) }

// WithImportPaths returns the name of a type, as the compiler spells it, with import paths
// in its type arguments. It may be called concurrently.
func WithImportPaths(name string) string { return schema.Rename(name, importPath) }

// importPath returns the import path of a package that has path in the name of a type.
func importPath(path string) string {
	if path == "main" {
		return mainPath()
	}
	return strings.ReplaceAll(path, "%2e", ".") // the compiler escapes dots in the last element
}

// maxNewTypes is the maximum number of types that a peer can make by naming them: see
// [TypeQuota].
const maxNewTypes = 1024

// A TypeQuota limits the types that this process makes because a peer names them: new
// pointers, slices, arrays and maps in interfaces. Package reflect keeps each type
// until the process exits. Each peer has its own quota, so no peer uses up the quota of
// another. The zero value is an unused quota. It may be used concurrently.
type TypeQuota struct{ made atomic.Int32 }

// take counts a type that is about to be made, or returns a fault. A nil quota has no
// limit: it is for clients, whose one daemon has already limited the types.
func (q *TypeQuota) take() *fault {
	if q == nil {
		return nil
	}
	if q.made.Add(1) > maxNewTypes {
		q.made.Add(-1)
		return faultf("the connection has brought %d types that were new to this process, and may bring no more; use slices instead of arrays of many lengths", maxNewTypes)
	}
	return nil
}

// UnknownTypeError is in the chain of a [DecodeError] if an interface holds a value of
// a registered type that this program does not have.
type UnknownTypeError struct {
	Name    string // the import path and name of the type
	Differs bool   // this program has registered the type with another structure
}

// Error names the type. It does not say which program lacks the type: only the caller
// of the decoder can tell the client from the daemon.
func (e *UnknownTypeError) Error() string {
	if e.Differs {
		return fmt.Sprintf("type %s differs between the two programs", cut.Name(e.Name))
	}
	return fmt.Sprintf("type %s is not registered in the receiving program", cut.Name(e.Name))
}
