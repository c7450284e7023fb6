package stub

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"reflect"
	"strconv"
	"sync"
	"syscall"
)

// Sentinel is an error variable of a package that a service's methods are from.
// Methods that return it, bare or wrapped, return it in the client too: compare
// with == or errors.Is.
type Sentinel struct {
	Name  string // the variable's, behind the import path if that is not the service's
	Error error
}

// ErrorType is an error type of a service's package, made by [ErrorTypeOf].
type ErrorType struct {
	name string
	typ  reflect.Type // not a pointer
}

// ErrorTypeOf describes the exported error type called name: E is the type or
// a pointer to it. Its errors come back as themselves, as values or pointers
// as they were, if all of the type's fields are exported and can be sent. Others
// come back as an *rt.RemoteError.
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
	errnoType  = reflect.TypeFor[syscall.Errno]()
)

// The errors of the standard library that every service knows. A name is not
// used again for something else, since the other side may be an older build.
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

// errorTable finds errors and their names.
type errorTable struct {
	names     map[error]string // of sentinels
	sentinels map[string]error
	typeNames map[reflect.Type]string
	types     map[string]reflect.Type
}

func newErrorTable() *errorTable {
	t := &errorTable{
		names:     make(map[error]string),
		sentinels: make(map[string]error),
		typeNames: make(map[reflect.Type]string),
		types:     make(map[string]reflect.Type),
	}
	t.add(standardSentinels, standardTypes)
	return t
}

var standardErrors = sync.OnceValue(newErrorTable)

func (t *errorTable) add(sentinels []Sentinel, types []ErrorType) {
	for _, s := range sentinels {
		// A value that == cannot compare, or nil, is no sentinel. Of two names
		// for one value, or below for one type, the first counts.
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

// errorTable returns the table of s, which is made on first use.
func (s *Service) errorTable() *errorTable {
	if s == nil {
		return standardErrors()
	}
	s.errorsOnce.Do(func() {
		s.errors = newErrorTable()
		s.errors.add(s.Sentinels, s.ErrorTypes)
	})
	return s.errors
}

// typeName returns the name of an error type, or "" for one that the other
// side may not know.
func (t *errorTable) typeName(typ reflect.Type) string {
	if name := t.typeNames[typ]; name != "" {
		return name
	}
	if k, f := knownOf(typ); f == nil {
		return k.name
	}
	return ""
}

// sentinel returns the name of err, if it is one. The comparison cannot panic.
func (t *errorTable) sentinel(err error) (name string, ok bool) {
	if !reflect.ValueOf(err).Comparable() {
		return "", false
	}
	name, ok = t.names[err]
	return name, ok
}
