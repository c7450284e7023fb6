package rt

import (
	"reflect"

	"github.com/loopgen/loopgen/rt/stub"
)

// RegisterType makes T known to this program, so that an interface among the
// parameters and results of a shared object's methods can hold a T, a pointer
// to T, or slices, arrays and maps of such. If T is itself a pointer, slice,
// array or map without a name, it is what T is made of that becomes known. An
// error of type T then comes back as itself, too.
//
// The basic types of Go, time.Time, time.Duration and struct{} need not be
// registered, nor do the types that loopgen saw: those named in the signatures
// of the shared type's methods, and the exported types of its package that are
// data. A value of any other type in an interface fails the call with an
// [ErrEncode] that names the type.
//
// Both programs must register T. A program that lacks a type of the daemon's does
// not call the methods whose results could hold a T in an interface, since the
// result of a call would be lost: the error is an [ErrIncompatible], not sent. That
// is so for types that were registered when the daemon began to serve, and not for
// methods that are readonly or idempotent. In other cases, and where decoding a
// value fails by itself, the method has run and the call returns an error
// (OutcomeExecuted). A method that hands out what must not be lost returns it with
// an id and keeps it, until a second method acknowledges the id.
//
// Call RegisterType where package-level variables are initialised or in an init
// function, best of the package that declares T. It panics if no T can ever be sent, or if another type is
// registered by the same import path and name. It may be called again, and
// concurrently.
func RegisterType[T any]() {
	if err := stub.RegisterType(reflect.TypeFor[T]()); err != nil {
		panic("rt: " + err.Error())
	}
}
