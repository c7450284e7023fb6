package value

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/loopgen/loopgen/rt/schema"
)

var durationType = reflect.TypeFor[time.Duration]()

// Spell returns t as signatures spell it. Every occurrence of a defined type has its
// contents, except inside itself. The fields of an embedded struct are in its place. Spell
// may be called concurrently.
func Spell(t reflect.Type) *schema.Type { return new(speller).typ(PlanOf(t)) }

// speller makes the trees of types for signatures. Package schema has the grammar.
type speller struct {
	within []reflect.Type // the defined types around the current one, the outermost first
}

func (s *speller) typ(p *Plan) *schema.Type {
	t := p.typ
	switch {
	case t == timeType, t == durationType, t == errorType:
		return schema.NewWord(t.String())
	case p.isOpaque() && t.PkgPath() != "":
		return schema.NewWord(pkgPath(t) + "." + schema.Bare(t.Name()))
	case p.isOpaque():
		// Line breaks can only be in the tags of an unnamed struct.
		return schema.NewWord(strings.Join(strings.Fields(t.String()), " "))
	case t.PkgPath() == "": // predeclared, or without a name
		return s.structure(p)
	}
	if i := slices.Index(s.within, t); i >= 0 {
		return &schema.Type{Kind: schema.Outer, Number: len(s.within) - i}
	}
	s.within = append(s.within, t)
	structure := s.structure(p)
	s.within = s.within[:len(s.within)-1]
	return &schema.Type{Kind: schema.Defined, Name: schema.Bare(t.Name()), Elem: structure}
}

// isOpaque reports whether the type of p is compared by its name only.
func (p *Plan) isOpaque() bool {
	return p.shape == shapeRefused || p.shape == shapeBinary || p.shape == shapeText || p.shape == shapeBigInt
}

// structure returns the structure of p without its name.
func (s *speller) structure(p *Plan) *schema.Type {
	switch {
	case p.shape == shapeStruct:
		tree := &schema.Type{Kind: schema.Struct, Fields: make([]schema.Field, len(p.fields.flat))}
		for i, f := range p.fields.flat {
			name := f.wire
			// An integer name is not a text: "1" and 1 are different keys.
			if f.key[0]>>5 == majorText {
				name = schema.FieldName(name)
			}
			tree.Fields[i] = schema.Field{Name: name, Type: s.typ(f.plan)}
		}
		return tree
	case p.shape == shapeInterface && p.typ.NumMethod() == 0:
		return schema.NewWord("any")
	}
	tree := composed(p.typ, func(t reflect.Type) *schema.Type {
		for _, q := range []*Plan{p.key, p.elem} {
			if q != nil && q.typ == t {
				return s.typ(q)
			}
		}
		return s.typ(PlanOf(t)) // of the bytes in a byte string
	})
	if tree == nil {
		return schema.NewWord(p.typ.Kind().String())
	}
	return tree
}

// composed returns a pointer, slice, array or map. elem makes the trees of its elements.
// For any other type composed returns nil.
func composed(t reflect.Type, elem func(reflect.Type) *schema.Type) *schema.Type {
	switch t.Kind() {
	case reflect.Pointer:
		return schema.PointerTo(elem(t.Elem()))
	case reflect.Slice:
		return schema.SliceOf(elem(t.Elem()))
	case reflect.Array:
		return schema.ArrayOf(int64(t.Len()), elem(t.Elem()))
	case reflect.Map:
		return schema.MapOf(elem(t.Key()), elem(t.Elem()))
	}
	return nil
}
