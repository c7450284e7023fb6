package stub

import (
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/value"
	"github.com/loopgen/loopgen/rt/schema"
)

// SignatureOf returns the text that two programs must have in common to call a method: the
// form of its values on the wire, and the names in them. method is the type of a method
// expression, func(*T, …). The signature omits the receiver, all parameters of type
// context.Context and the names of parameters. It is one line, and is the same in every
// build of the same types:
//
//	func(string, []Order{ID int64, Items []Item{Name string}}) (int, error)
//
// The grammar is in PROTOCOL.md of package rt, "Hashes". A type that cannot be sent is
// spelled as its import path and name, or as in Go. SignatureOf panics if method is not a
// function type with a parameter. It may be called concurrently.
func SignatureOf(method reflect.Type) string { return new(Method).signature(method) }

// signature returns the signature of m, whose Func is of type method.
func (m *Method) signature(method reflect.Type) string {
	var s schema.Signature
	for place, param := range m.params(method) {
		t := value.Spell(param)
		switch {
		case slices.Contains(m.Out, place):
			t = schema.CopiedBack("out", t)
		case slices.Contains(m.InOut, place):
			t = schema.CopiedBack("inout", t)
		case slices.Contains(m.Compared, place):
			t = schema.CopiedBack("compared", t)
		}
		s.Params = append(s.Params, t)
	}
	for _, t := range m.results(method) {
		s.Results = append(s.Results, value.Spell(t))
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
