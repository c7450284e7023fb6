package stub

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// hasLayout reports whether t has the given layout. Code that was generated for that
// layout then encodes and decodes values of t:
//
//	layout = "bool" | "int" | "int8" | … | "float64" | "string"
//	       | "[]byte" | "[" length "]byte" | "*" layout | "[]" layout
//	       | "map[" layout "]" layout | "{" [ field { ", " field } ] "}"
//	field  = name [ " " quoted name on the wire ] [ " omitempty" ] " " layout
//	       | "embedded " name " " layout
//
// A layout has the structure of a type, not its name. Types with any other encoding
// have no layout.
func hasLayout(t reflect.Type, layout string) bool {
	p := planOf(t)
	if p.root != nil {
		return false
	}
	w := layoutWriter{most: len(layout)}
	return w.layout(p) && w.String() == layout
}

// layoutWriter writes the layout of a type.
type layoutWriter struct {
	strings.Builder
	most   int // limit on the length, since t may have another, longer layout
	within []*plan
}

// layout writes the layout of p. It returns false if p has none.
func (w *layoutWriter) layout(p *plan) bool {
	// Values of a recursive struct, slice or map may have any depth.
	if slices.Contains(w.within, p) || len(w.within) >= wire.MaxNesting || w.Len() > w.most {
		return false
	}
	w.within = append(w.within, p)
	defer func() { w.within = w.within[:len(w.within)-1] }()
	switch p.shape {
	case shapeBool, shapeInt, shapeUint, shapeFloat32, shapeFloat64, shapeString:
		w.WriteString(p.typ.Kind().String())
		return true
	case shapeBytes:
		w.WriteString("[]byte")
		return p.typ.Elem() == reflect.TypeFor[byte]()
	case shapeByteArray:
		w.WriteString("[" + strconv.Itoa(p.typ.Len()) + "]byte")
		return p.typ.Elem() == reflect.TypeFor[byte]()
	case shapePointer:
		w.WriteString("*")
		return !p.elem.isNullable() && w.layout(p.elem)
	case shapeSlice:
		w.WriteString("[]")
		return w.layout(p.elem)
	case shapeMap:
		w.WriteString("map[")
		ok := p.key.isKey() && w.layout(p.key)
		w.WriteString("]")
		return ok && w.layout(p.elem)
	case shapeStruct:
		return w.fields(p.typ, p.fields.members)
	}
	return false
}

// isNullable reports whether a value may be null. A pointer to it then needs more than
// the pointer's own null.
func (p *plan) isNullable() bool {
	switch p.shape {
	case shapePointer, shapeSlice, shapeBytes, shapeMap:
		return true
	}
	return false
}

// isKey reports whether p is simple enough for the keys of a map with a layout.
func (p *plan) isKey() bool {
	switch p.shape {
	case shapeBool, shapeInt, shapeUint, shapeFloat32, shapeFloat64, shapeString:
		return true
	}
	return false
}

// fields writes the fields of the struct t and of the structs that it embeds.
func (w *layoutWriter) fields(t reflect.Type, members []member) bool {
	w.WriteString("{")
	for i := range members {
		m := &members[i]
		if i > 0 {
			w.WriteString(", ")
		}
		f := t.Field(m.index)
		if m.field == nil {
			w.WriteString("embedded " + f.Name + " ")
			if m.pointer || !w.fields(f.Type, m.embedded) {
				return false
			}
			continue
		}
		if !w.field(m.field) {
			return false
		}
	}
	w.WriteString("}")
	return true
}

func (w *layoutWriter) field(f *field) bool {
	w.WriteString(f.name)
	if f.wire != f.name {
		w.WriteString(" " + strconv.Quote(f.wire))
	}
	if f.omitEmpty {
		w.WriteString(" omitempty")
		if f.plan.shape == shapeStruct || f.plan.shape == shapeByteArray {
			return false
		}
	}
	w.WriteString(" ")
	return !f.omitZero && f.key[0]>>5 == majorText && w.layout(f.plan)
}
