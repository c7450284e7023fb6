package rt

import (
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// RegisterType makes T known to this program. An interface among the parameters and
// results of a shared object's methods can then hold a T, a pointer to T, and slices,
// arrays and maps of these. If T is itself a pointer, slice, array or map without a
// name, its element types become known instead. An error of type T then keeps its type,
// too.
//
// The basic types of Go, time.Time, time.Duration and struct{} need no registration.
// Nor do the types that loopgen saw: those in the signatures of the shared type's
// methods, and the exported data types of its package. A value of any other type in an
// interface fails the call with an [ErrEncode] that names the type.
//
// Both programs must register T. If the result of a method could hold, in an interface,
// a type that the daemon's program has registered and this program has not, this
// program does not send calls of the method: their results would be lost. Such a call
// fails with [ErrIncompatible] and OutcomeNotSent. This check covers the types that
// were registered when the daemon began to serve. It excludes methods that are readonly
// or idempotent. In all other cases, and where decoding of a value fails by itself, the
// method has run and the call fails with OutcomeExecuted. A method whose results must
// not be lost should return each with an id, and keep it until a second method
// acknowledges the id.
//
// Call RegisterType where package-level variables are initialised or in an init
// function, preferably in the package that declares T. It panics if no T can ever be sent, or
// if another type is registered with the same import path and name. Registering T again
// has no effect. RegisterType may be called concurrently.
func RegisterType[T any]() {
	if err := value.RegisterType(reflect.TypeFor[T]()); err != nil {
		panic("rt: " + err.Error())
	}
}
