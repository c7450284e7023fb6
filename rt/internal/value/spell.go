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

// Facts returns the facts that signatures omit about types and the types inside. It has the
// encoding, "text" or "bytes", of each type that makes its own, by the name in signatures.
// It has "omitempty" or "optional" for each field of a struct that may be absent, by the
// name of the struct ("struct" if it has none), a dot and the name of the field on the wire.
// If an interface is inside, it has the structure of each registered type by the name on the
// wire. It may be called concurrently.
func Facts(types []reflect.Type) map[string]string {
	f := facts{known: make(map[string]string), seen: make(map[*Plan]bool)}
	for _, t := range types {
		f.add(PlanOf(t))
	}
	if f.interfaces {
		registerDeclared()
		world.RLock()
		var registered []reflect.Type
		for _, t := range world.registered {
			if t.Kind() != reflect.Interface {
				registered = append(registered, t)
			}
		}
		world.RUnlock()
		for _, t := range registered {
			if name, ok := NameOf(t); ok {
				f.known[name] = Spell(t).String()
				f.add(PlanOf(t))
			}
		}
	}
	return f.known
}

type facts struct {
	known      map[string]string
	seen       map[*Plan]bool
	interfaces bool
}

func (f *facts) add(p *Plan) {
	if f.seen[p] {
		return
	}
	f.seen[p] = true
	name := schema.Bare(p.typ.Name())
	switch p.shape {
	case shapeBinary, shapeText:
		kind := "text"
		if p.shape == shapeBinary {
			kind = "bytes"
		}
		f.known[pkgPath(p.typ)+"."+name] = kind
	case shapeInterface:
		f.interfaces = true
	case shapeStruct:
		if name == "" {
			name = "struct"
		}
		for _, fd := range p.fields.flat {
			switch {
			case fd.omitEmpty:
				f.known[name+"."+fd.wire] = "omitempty"
			case fd.optional:
				f.known[name+"."+fd.wire] = "optional"
			}
		}
	}
	for _, q := range p.parts() {
		if q.shape != shapeRefused {
			f.add(q.Plan)
		}
	}
}
