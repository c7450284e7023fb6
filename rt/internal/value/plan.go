package value

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
)

// shape is the form of a Go type's values on the wire.
type shape uint8

const (
	shapeRefused   shape = iota // values cannot travel
	shapeBool                   // false, true
	shapeInt                    // integer
	shapeUint                   // integer, not negative
	shapeFloat32                // float of 2 or 4 bytes
	shapeFloat64                // float of 2, 4 or 8 bytes
	shapeString                 // text
	shapeBytes                  // null or byte string
	shapeByteArray              // byte string of one length
	shapeSlice                  // null or array
	shapeArray                  // array of one length
	shapeMap                    // null or map
	shapeStruct                 // map with the fields' names as keys
	shapePointer                // null, or the encoding of the element
	shapeTime                   // null for the zero time, or tag 0 and text
	shapeBigInt                 // integer, or tag 2 or 3 and byte string
	shapeBinary                 // result of MarshalBinary, as byte string
	shapeText                   // result of MarshalText, as text
	shapeComplex                // array of two floats
	shapeUintptr                // integer, not negative
	shapeError                  // null, or the tree of an error
	shapeInterface              // null, or array of a type's name and a value of that type
)

// Plan has the facts about a Go type that are needed to send and accept its values. The
// plans of a recursive type form a cycle. A plan does not change after it was made.
type Plan struct {
	typ    reflect.Type
	shape  shape
	inKey  bool      // in a map's key: values that == tells apart must stay different
	byName bool      // see errorPlanOf
	reason *fault    // of shapeRefused: the reason; its path leads to the cause inside typ
	elem   *Plan     // of pointer, slice, array and map
	key    *Plan     // of map
	fields *fieldSet // of struct
	fast   fast      // the type is one of the commonest slices and maps

	least uint64 // bytes of the shortest encoding, see shortest
	light bool   // see isLight
	calls bool   // methods of the program may be called with the address of a part of a value
	root  *fault // set by planAs: why no value of this type can be sent

	entry atomic.Pointer[entry] // of map: variables for an entry, see takeEntry
}

// fast names a type that is read and written without package reflect.
type fast uint8

const (
	fastNone    fast = iota
	fastInts         // []int
	fastStrings      // []string
	fastTexts        // map[string]string
)

func fastOf(t reflect.Type) fast {
	switch t {
	case reflect.TypeFor[[]int]():
		return fastInts
	case reflect.TypeFor[[]string]():
		return fastStrings
	case reflect.TypeFor[map[string]string]():
		return fastTexts
	}
	return fastNone
}

var (
	// plans caches PlanOf, keyPlanOf and errorPlanOf by their arguments.
	plans sync.Map
	// recent has plans that PlanOf has returned, by the hash of the type's address. A
	// lookup in plans would allocate the key.
	recent [512]atomic.Pointer[Plan]
)

// PlanOf returns the plan of t. It may be called concurrently.
func PlanOf(t reflect.Type) *Plan {
	address := reflect.ValueOf(t).Pointer()
	slot := &recent[(address>>5^address>>14)%uintptr(len(recent))]
	if p := slot.Load(); p != nil && p.typ == t {
		return p
	}
	p := planAs(planned{typ: t})
	slot.Store(p)
	return p
}

// keyPlanOf returns the plan of t in a map's key.
func keyPlanOf(t reflect.Type) *Plan { return planAs(planned{typ: t, inKey: true}) }

// errorPlanOf returns the plan of t, the type of an error that keeps its type. The fields of
// a struct are sent by their names in Go, whatever their tags say.
func errorPlanOf(t reflect.Type) *Plan { return planAs(planned{typ: t, byName: true}) }

// Refusal returns the reason why no value of the type can be sent, or nil if some can.
func (p *Plan) Refusal() error {
	if p.root == nil {
		return nil
	}
	return p.root.in(p.typ)
}

// Reusable reports whether a variable may be used for one value after another: it is not
// large, and no method of the program can have kept its address.
func (p *Plan) Reusable() bool { return !p.calls && p.typ.Size() <= maxKept }

// Interfaces appends the interfaces that a value of p can have inside, errors excepted, to
// found, each once.
func (p *Plan) Interfaces(found []reflect.Type) []reflect.Type {
	return p.interfaces(found, make(map[*Plan]bool))
}

func (p *Plan) interfaces(found []reflect.Type, seen map[*Plan]bool) []reflect.Type {
	if !p.calls || seen[p] {
		return found
	}
	seen[p] = true
	if p.shape == shapeInterface && !slices.Contains(found, p.typ) {
		return append(found, p.typ)
	}
	for _, q := range p.parts() {
		found = q.interfaces(found, seen)
	}
	return found
}

func planAs(what planned) *Plan {
	if p, ok := plans.Load(what); ok {
		return p.(*Plan)
	}
	b := planner{plans: make(map[planned]*Plan)}
	p := b.planAs(what)
	b.spread()
	p.root = p.refusal(make(map[*Plan]bool))
	if p.root == nil && p.inKey && p.holdsPointer() {
		p.root = pointerInKey(p.typ)
	}
	// Two goroutines may have made the same plan. Both plans are equal.
	made, _ := plans.LoadOrStore(what, p)
	return made.(*Plan)
}

// refusal returns the first reason, in p or below, why values cannot be sent.
func (p *Plan) refusal(seen map[*Plan]bool) *fault {
	if p.reason != nil {
		return p.reason.copy()
	}
	if seen[p] {
		return nil
	}
	seen[p] = true
	for _, q := range p.parts() {
		if f := q.refusal(seen); f != nil {
			return f.below(q.step)
		}
	}
	return nil
}

// shortest returns how many bytes an encoding of p has at least. So a length that a message
// claims is refused before memory is allocated.
func (p *Plan) shortest() uint64 {
	const most = 1 << 32 // a larger product could overflow
	n := uint64(1)
	switch p.shape {
	case shapeFloat32, shapeFloat64:
		n = 3
	case shapeByteArray:
		n += uint64(p.typ.Len())
	case shapeArray:
		n += uint64(p.typ.Len()) * p.elem.shortest()
	case shapeStruct:
		for _, fd := range p.fields.flat {
			if !fd.optional {
				n += uint64(len(fd.key)) + fd.plan.shortest()
			}
		}
	}
	return min(n, most)
}

// spread sets least, light and calls, which depend on the contents of a type.
func (b *planner) spread() {
	for _, p := range b.plans {
		p.least, p.light = p.shortest(), p.isLight()
		switch p.shape {
		case shapeBinary, shapeText, shapeInterface:
			p.calls = true
		case shapeStruct:
			p.calls = p.fields.omitZero // by a method IsZero
		}
	}
	for changed := true; changed; {
		changed = false
		for _, p := range b.plans {
			if !p.calls && slices.ContainsFunc(p.parts(), func(q part) bool { return q.calls }) {
				p.calls, changed = true, true
			}
		}
	}
}

// part is the plan of a key, an element or a field, with the step to it.
type part struct {
	step string
	*Plan
}

func (p *Plan) parts() (parts []part) {
	switch {
	case p.shape == shapePointer:
		return []part{{"", p.elem}}
	case p.key != nil:
		return []part{{"[key]", p.key}, {"[]", p.elem}}
	case p.elem != nil:
		return []part{{"[]", p.elem}}
	case p.fields != nil:
		for _, fd := range p.fields.flat {
			parts = append(parts, part{"." + fd.name, fd.plan})
		}
	}
	return parts
}

// isLight reports whether a value of p takes no memory beyond the size of its type and
// its encoded bytes.
func (p *Plan) isLight() bool {
	switch p.shape {
	case shapeSlice, shapeMap, shapePointer, shapeTime, shapeBigInt, shapeError, shapeInterface:
		return false
	case shapeStruct:
		if len(p.fields.pointers) > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(p.parts(), func(q part) bool { return !q.isLight() })
}
