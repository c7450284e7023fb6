package value

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"reflect"
	"strconv"
	"syscall"
)

// Sentinel is an error variable whose identity the receiver restores.
type Sentinel struct {
	Name  string // name of the variable; with the import path if it is not the service's
	Error error
}

// ErrorType is an error type whose errors keep their type. [ErrorTypeOf] makes it.
type ErrorType struct {
	name string
	typ  reflect.Type // not a pointer
}

// Type returns the type, which is not a pointer.
func (e ErrorType) Type() reflect.Type { return e.typ }

// ErrorTypeOf describes the error type called name. E is the type or a pointer to it. If all
// fields of the type are exported and can be sent, the receiver rebuilds its errors, as
// values or as pointers.
func ErrorTypeOf[E error](name string) ErrorType {
	t := reflect.TypeFor[E]()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return ErrorType{name, t}
}

var (
	errorType  = reflect.TypeFor[error]()
	joinedType = reflect.TypeOf(errors.Join(io.EOF))
)

// The errors of the standard library that every service knows. A name is never reused for
// another error, since the peer may be an older build.
var (
	standardSentinels = []Sentinel{
		{"io.EOF", io.EOF},
		{"io.ErrUnexpectedEOF", io.ErrUnexpectedEOF},
		{"io.ErrShortWrite", io.ErrShortWrite},
		{"io.ErrShortBuffer", io.ErrShortBuffer},
		{"io.ErrNoProgress", io.ErrNoProgress},
		{"io.ErrClosedPipe", io.ErrClosedPipe},
		{"context.Canceled", context.Canceled},
		{"context.DeadlineExceeded", context.DeadlineExceeded},
		{"fs.ErrInvalid", fs.ErrInvalid},
		{"fs.ErrPermission", fs.ErrPermission},
		{"fs.ErrExist", fs.ErrExist},
		{"fs.ErrNotExist", fs.ErrNotExist},
		{"fs.ErrClosed", fs.ErrClosed},
		{"os.ErrProcessDone", os.ErrProcessDone},
		{"os.ErrDeadlineExceeded", os.ErrDeadlineExceeded},
		{"os.ErrNoDeadline", os.ErrNoDeadline},
		{"net.ErrClosed", net.ErrClosed},
		{"net.ErrWriteToConnected", net.ErrWriteToConnected},
		{"errors.ErrUnsupported", errors.ErrUnsupported},
		{"strconv.ErrSyntax", strconv.ErrSyntax},
		{"strconv.ErrRange", strconv.ErrRange},
	}
	standardTypes = []ErrorType{
		ErrorTypeOf[*fs.PathError]("fs.PathError"),
		ErrorTypeOf[*os.LinkError]("os.LinkError"),
		ErrorTypeOf[*os.SyscallError]("os.SyscallError"),
		ErrorTypeOf[syscall.Errno]("syscall.Errno"),
		ErrorTypeOf[*strconv.NumError]("strconv.NumError"),
	}
)

// Errors maps errors to names and names to errors. It does not change, and may be used
// concurrently.
type Errors struct {
	names     map[error]string // of sentinels
	sentinels map[string]error
	typeNames map[reflect.Type]string
	types     map[string]reflect.Type
}

// NewErrors returns a table of the errors that every service knows, and of these.
func NewErrors(sentinels []Sentinel, types []ErrorType) *Errors {
	t := &Errors{
		names:     make(map[error]string),
		sentinels: make(map[string]error),
		typeNames: make(map[reflect.Type]string),
		types:     make(map[string]reflect.Type),
	}
	t.add(standardSentinels, standardTypes)
	t.add(sentinels, types)
	return t
}

func (t *Errors) add(sentinels []Sentinel, types []ErrorType) {
	for _, s := range sentinels {
		// Nil, and a value that == cannot compare, are no sentinels. If one value has
		// two names, or a type below has, the first counts.
		if s.Error == nil || !reflect.ValueOf(s.Error).Comparable() {
			continue
		}
		if t.names[s.Error] == "" {
			t.names[s.Error] = s.Name
		}
		t.sentinels[s.Name] = s.Error
	}
	for _, e := range types {
		if t.typeNames[e.typ] == "" {
			t.typeNames[e.typ] = e.name
		}
		t.types[e.name] = e.typ
	}
}

// typeName returns the name of an error type, or "" if the peer may not know the type.
func (t *Errors) typeName(typ reflect.Type) string {
	if name := t.typeNames[typ]; name != "" {
		return name
	}
	if k, f := knownOf(typ); f == nil {
		return k.name
	}
	return ""
}

// sentinel returns the name of err if it is a sentinel. The comparison cannot panic.
func (t *Errors) sentinel(err error) (name string, ok bool) {
	if !reflect.ValueOf(err).Comparable() {
		return "", false
	}
	name, ok = t.names[err]
	return name, ok
}
