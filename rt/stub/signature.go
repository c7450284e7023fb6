package stub

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

var (
	contextType  = reflect.TypeFor[context.Context]()
	durationType = reflect.TypeFor[time.Duration]()
)

// SignatureOf returns the text that two programs must have in common to call a method: the
// form of its values on the wire, and the names in them. method is the type of a method
// expression, func(*T, …). The signature omits the receiver, all parameters of type
// context.Context and the names of parameters. It is one line, and is the same in every
// build of the same types:
//
//	signature = "func(" [ parameter { ", " parameter } ] ")" [ " " type | " (" types ")" ]
//	parameter = [ "out " | "inout " ] type      see Method.Out and InOut
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
	var s speller
	s.WriteString("func(")
	place := 0
	for i := 1; i < method.NumIn(); i++ {
		if method.In(i) == contextType {
			continue
		}
		if place > 0 {
			s.WriteString(", ")
		}
		switch {
		case slices.Contains(m.Out, place):
			s.WriteString("out ")
		case slices.Contains(m.InOut, place):
			s.WriteString("inout ")
		}
		place++
		s.spell(planOf(method.In(i)))
	}
	s.WriteString(")")
	if results := m.results(method); len(results) == 1 {
		s.WriteString(" ")
		s.spell(planOf(results[0]))
	} else if len(results) > 1 {
		s.WriteString(" (")
		for i, t := range results {
			if i > 0 {
				s.WriteString(", ")
			}
			s.spell(planOf(t))
		}
		s.WriteString(")")
	}
	return s.String()
}

// results returns the types of the results of m, without the receiver.
func (m *Method) results(method reflect.Type) []reflect.Type {
	types := slices.Collect(method.Outs())
	if m.Fluent {
		types = types[1:]
	}
	return types
}

// speller writes the types of a signature.
type speller struct {
	strings.Builder
	within []*plan // the defined types being spelt out, the outermost first
}

func (s *speller) spell(p *plan) {
	t := p.typ
	switch {
	case t == timeType:
		s.WriteString("time.Time")
		return
	case t == durationType:
		s.WriteString("time.Duration")
		return
	case t == errorType:
		s.WriteString("error")
		return
	case p.shape == shapeRefused, p.shape == shapeBinary, p.shape == shapeText, p.shape == shapeBigInt:
		s.opaque(t)
		return
	case t.PkgPath() == "": // predeclared, or without a name
		s.structure(p)
		return
	}
	for i, outer := range s.within {
		if outer.typ == t {
			s.WriteString("#" + strconv.Itoa(len(s.within)-i))
			return
		}
	}
	s.WriteString(withoutPaths(t.Name()))
	s.within = append(s.within, p)
	if p.shape == shapeStruct {
		s.fields(p)
	} else {
		s.WriteString("{")
		s.structure(p)
		s.WriteString("}")
	}
	s.within = s.within[:len(s.within)-1]
}

// opaque writes a type that is compared by its name only.
func (s *speller) opaque(t reflect.Type) {
	if t.PkgPath() != "" {
		s.WriteString(pkgPath(t) + "." + withoutPaths(t.Name()))
		return
	}
	// Line breaks can only be in the tags of an unnamed struct.
	s.WriteString(strings.Join(strings.Fields(t.String()), " "))
}

// structure writes the structure of p without its name.
func (s *speller) structure(p *plan) {
	switch p.shape {
	case shapePointer:
		s.WriteString("*")
		s.spell(p.elem)
	case shapeSlice:
		s.WriteString("[]")
		s.spell(p.elem)
	case shapeArray:
		s.WriteString("[" + strconv.Itoa(p.typ.Len()) + "]")
		s.spell(p.elem)
	case shapeBytes:
		s.WriteString("[]")
		s.spell(planOf(p.typ.Elem()))
	case shapeByteArray:
		s.WriteString("[" + strconv.Itoa(p.typ.Len()) + "]")
		s.spell(planOf(p.typ.Elem()))
	case shapeMap:
		s.WriteString("map[")
		s.spell(p.key)
		s.WriteString("]")
		s.spell(p.elem)
	case shapeStruct:
		s.WriteString("struct")
		s.fields(p)
	case shapeInterface:
		if p.typ.NumMethod() == 0 {
			s.WriteString("any")
		} else {
			s.WriteString("interface")
		}
	default:
		s.WriteString(p.typ.Kind().String())
	}
}

func (s *speller) fields(p *plan) {
	s.WriteString("{")
	for i, f := range p.fields.flat {
		if i > 0 {
			s.WriteString(", ")
		}
		// An integer name is not a text: "1" and 1 are different keys.
		if f.key[0]>>5 != majorText || isIdentifier(f.wire) {
			s.WriteString(f.wire)
		} else {
			s.WriteString(strconv.Quote(f.wire))
		}
		s.WriteString(" ")
		s.spell(f.plan)
	}
	s.WriteString("}")
}

func isIdentifier(name string) bool {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != ""
}

// withoutPaths removes the import paths from a type's name. Only the type arguments of
// an instance have import paths.
func withoutPaths(name string) string {
	var b strings.Builder
	for name != "" {
		end := strings.IndexAny(name, separators)
		if end < 0 {
			end = len(name)
		}
		word := name[:end]
		word = word[strings.LastIndexByte(word, '/')+1:]
		b.WriteString(word[strings.LastIndexByte(word, '.')+1:])
		if end < len(name) {
			b.WriteByte(name[end])
			end++
		}
		name = name[end:]
	}
	return b.String()
}
