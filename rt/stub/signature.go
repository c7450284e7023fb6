package stub

import (
	"reflect"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// SignatureOf returns the text that two programs must have in common to call a method: the
// form of its values on the wire, and the names in them. method is the type of a method
// expression, func(*T, …). The signature omits the receiver, all parameters of type
// context.Context and the names of parameters. It is one line, and is the same in every
// build of the same types:
//
//	signature = "func(" [ parameter { ", " parameter } ] ")" [ " " type | " (" types ")" ]
//	parameter = [ "out " | "inout " | "compared " ] type      see Method.Out
//	types     = type { ", " type }
//	type      = "bool" | "int" | "int8" | … | "complex128" | "string" | "error"
//	          | "any" | "interface"               one without methods, and one with
//	          | "*" type | "[]" type | "[" length "]" type | "map[" type "]" type
//	          | "struct{" fields "}"              an unnamed struct
//	          | name "{" fields "}"               a struct type
//	          | name "{" type "}"                 another defined type
//	          | "#" number                        a type that is being spelt out
//	          | "time.Time" | "time.Duration"
//	          | import path "." name              a type that makes its own encoding
//	fields    = [ field { ", " field } ]
//	field     = name on the wire " " type
//
// The names of defined types, and of their type arguments, have no import path. Every
// occurrence of a defined type is spelt out in full, except inside itself: there #1 stands
// for the innermost of the defined types being spelt out, #2 for the one around it, and so
// on. Fields have the order of their declaration; the fields of an embedded struct are in
// its place. Names that are not identifiers are quoted as in Go, and integer names are
// decimal. A variadic parameter is a slice. For example:
//
//	func(string, []Order{ID int64, Items []Item{Name string}}) (int, error)
//
// A type that cannot be sent is written as import path and name, or as in Go. SignatureOf
// panics if method is not a function type with a parameter. It may be called
// concurrently.
func SignatureOf(method reflect.Type) string { return new(Method).signature(method) }

// signature returns the signature of m, whose Func is of type method.
func (m *Method) signature(method reflect.Type) string {
	var s strings.Builder
	s.WriteString("func(")
	for place, t := range m.params(method) {
		if place > 0 {
			s.WriteString(", ")
		}
		switch {
		case slices.Contains(m.Out, place):
			s.WriteString("out ")
		case slices.Contains(m.InOut, place):
			s.WriteString("inout ")
		case slices.Contains(m.Compared, place):
			s.WriteString("compared ")
		}
		s.WriteString(value.Spell(t))
	}
	s.WriteString(")")
	if results := m.results(method); len(results) == 1 {
		s.WriteString(" " + value.Spell(results[0]))
	} else if len(results) > 1 {
		s.WriteString(" (")
		for i, t := range results {
			if i > 0 {
				s.WriteString(", ")
			}
			s.WriteString(value.Spell(t))
		}
		s.WriteString(")")
	}
	return s.String()
}

// params returns the types of the parameters of m, without the receiver and contexts.
func (m *Method) params(method reflect.Type) []reflect.Type {
	types := slices.Collect(method.Ins())[1:]
	return slices.DeleteFunc(types, func(t reflect.Type) bool { return t == contextType })
}

// results returns the types of the results of m, without the receiver.
func (m *Method) results(method reflect.Type) []reflect.Type {
	types := slices.Collect(method.Outs())
	if m.Fluent {
		types = types[1:]
	}
	return types
}
