package value

import (
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt/schema"
)

// Facts returns what signatures do not say about types and the types inside. It has the
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
	for _, q := range slices.DeleteFunc(p.parts(), func(q *Plan) bool { return q.shape == shapeRefused }) {
		f.add(q)
	}
}
