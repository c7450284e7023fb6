package value

import (
	"math/big"
	"reflect"
	"slices"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// planner makes the plans of one type and the types in it. It is used once.
type planner struct {
	plans map[planned]*Plan
	inKey bool // the current type is in a map's key
}

type planned struct {
	typ           reflect.Type
	inKey, byName bool
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	bigIntType = reflect.TypeFor[big.Int]()
)

// scalars has the kinds whose plan is only a shape.
var scalars = [...]shape{
	reflect.Bool:    shapeBool,
	reflect.Int:     shapeInt,
	reflect.Int8:    shapeInt,
	reflect.Int16:   shapeInt,
	reflect.Int32:   shapeInt,
	reflect.Int64:   shapeInt,
	reflect.Uint:    shapeUint,
	reflect.Uint8:   shapeUint,
	reflect.Uint16:  shapeUint,
	reflect.Uint32:  shapeUint,
	reflect.Uint64:  shapeUint,
	reflect.Uintptr: shapeUintptr,
	reflect.Float32: shapeFloat32,
	reflect.Float64: shapeFloat64,
	reflect.String:  shapeString,

	reflect.Complex64:  shapeComplex,
	reflect.Complex128: shapeComplex,

	reflect.UnsafePointer: shapeRefused, // the last kind
}

// plan returns the plan of t, a part of the current type.
func (b *planner) plan(t reflect.Type) *Plan { return b.planAs(planned{typ: t, inKey: b.inKey}) }

func (b *planner) planAs(what planned) *Plan {
	if p := b.plans[what]; p != nil {
		return p
	}
	outside := b.inKey
	defer func() { b.inKey = outside }()
	b.inKey = what.inKey
	t := what.typ
	p := &Plan{typ: t, inKey: what.inKey, byName: what.byName, fast: fastOf(t)}
	b.plans[what] = p // before its contents: the type may contain itself
	switch s, reason := marshalled(t); {
	case t == timeType:
		p.shape = shapeTime
	case t == bigIntType:
		p.shape = shapeBigInt
	case reason != nil:
		p.refuse(reason)
	case s != shapeRefused:
		p.shape = s
	case scalars[t.Kind()] != shapeRefused:
		p.shape = scalars[t.Kind()]
	default:
		b.compose(p)
	}
	return p
}

func (p *Plan) refuse(reason *fault) {
	p.shape, p.reason = shapeRefused, reason
}

// compose completes the plan of a type that consists of other types.
func (b *planner) compose(p *Plan) {
	t := p.typ
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		b.composeList(p)
	case reflect.Map:
		p.shape, p.key, p.elem = shapeMap, b.planAs(planned{typ: t.Key(), inKey: true}), b.plan(t.Elem())
		if p.key.holdsPointer() {
			p.refuse(pointerInKey(t.Key()))
		}
	case reflect.Pointer:
		if endlessPointer(t) {
			p.refuse(faultf("%s points to nothing but itself", t))
			return
		}
		p.shape, p.elem = shapePointer, b.plan(t.Elem())
	case reflect.Struct:
		b.composeStruct(p)
	case reflect.Interface:
		p.shape = shapeInterface
		if t != errorType {
			return
		}
		p.shape = shapeError
		if b.inKey {
			p.refuse(faultf("an error in a map's key cannot be sent, since == compares what does not travel; use its text"))
		}
	default:
		p.refuse(faultf("a value of type %s (%s) cannot be sent", t, t.Kind()))
	}
}

func pointerInKey(t reflect.Type) *fault {
	return faultf("the map's key type %s holds a pointer, whose identity cannot be sent; use a key without one", t)
}

func (b *planner) composeList(p *Plan) {
	t := p.typ
	isBytes := t.Elem().Kind() == reflect.Uint8
	switch {
	case t.Kind() == reflect.Slice && isBytes:
		p.shape = shapeBytes
	case t.Kind() == reflect.Slice:
		p.shape, p.elem = shapeSlice, b.plan(t.Elem())
	case isBytes:
		p.shape = shapeByteArray
	case t.Len() > wire.MaxElements:
		p.refuse(faultf("%s has more than %d elements, the most that can be sent", t, wire.MaxElements))
	default:
		p.shape, p.elem = shapeArray, b.plan(t.Elem())
	}
}

// endlessPointer reports whether t leads only to pointers, as type P *P does.
func endlessPointer(t reflect.Type) bool {
	seen := make(map[reflect.Type]bool)
	for ; t.Kind() == reflect.Pointer; t = t.Elem() {
		if seen[t] {
			return true
		}
		seen[t] = true
	}
	return false
}

// holdsPointer reports whether p contains a pointer. Two equal encodings of p may then
// decode to values that differ by ==. The values in a marshaller or an interface are
// checked one by one. A key type is comparable, so it is recursive only through
// pointers.
func (p *Plan) holdsPointer() bool {
	return p.shape == shapePointer || p.shape == shapeStruct && len(p.fields.pointers) > 0 ||
		slices.ContainsFunc(p.parts(), part.holdsPointer)
}
