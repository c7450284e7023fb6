package stub

import (
	"math"
	"math/bits"
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// What arguments decode to can be far larger than they are: a length becomes a
// buffer, a struct of which all fields are left out is one byte. The daemon must
// know how much it will be before it decodes anything, so the arguments are
// weighed first: their heads are read beside the types, and the memory for slices,
// maps, pointers and buffers is added up. Weighing allocates nothing.

// arguments is how the arguments of a method are weighed.
type arguments struct {
	params  []parameter
	fixed   uint64 // the sizes of the parameters' types
	perByte uint64 // the most memory that a byte can cost beyond that; 0: there is no such bound
}

type parameter struct {
	plan *plan
	out  bool // only the length of a buffer is sent
	rest bool // nothing behind it weighs anything
}

// Costs of the runtime's own that are not in the size of a type.
const (
	mapHeader   = 48  // runtime/internal/maps.Map
	mapGroup    = 8   // slots in a group, and bytes of its control word
	mapIndirect = 128 // the size up to which a key or an element is in its slot
	zoneCost    = 192 // a time.Location with one zone
	bigCost     = 48  // the words of a small big.Int
	errorCost   = 256 // a node of an error's tree, and the error
	errorGrowth = 8   // times the bytes of an error
)

// argumentsOf prepares to weigh the arguments of m.
func (m *Method) argumentsOf(method reflect.Type) arguments {
	var a arguments
	place := 0
	for i := 1; i < method.NumIn(); i++ {
		if method.In(i) == contextType {
			continue
		}
		a.params = append(a.params, parameter{plan: planOf(method.In(i)), out: slices.Contains(m.Out, place)})
		place++
	}
	seen := make(map[*plan]bool)
	a.perByte = 1
	bounded := true
	rest := true
	for i, p := range slices.Backward(a.params) {
		a.params[i].rest = rest
		rest = rest && !p.out && p.plan.light
		cost, ok := p.plan.costPerByte(seen)
		a.fixed += uint64(p.plan.typ.Size())
		a.perByte += cost
		bounded = bounded && ok && !p.out
	}
	if !bounded {
		a.perByte = 0
	}
	return a
}

// Memory returns about how many bytes of memory the arguments of method i decode
// to, in addition to args. A result of at most enough is an upper bound that was
// cheaper to find. What user code allocates, such as UnmarshalText, is not in it. Of
// malformed arguments Memory weighs what precedes the flaw. It may be called
// concurrently.
func (s *Service) Memory(i int, args []byte, enough int) int {
	s.once.Do(s.inspect)
	a := &s.arguments[i]
	if len(a.params) == 0 {
		return 0
	}
	if most := a.fixed + uint64(len(args))*a.perByte; a.perByte > 0 && most <= uint64(enough) {
		return int(most)
	}
	h, ok := readHead(args, 0)
	if !ok || h.major != majorArray {
		return 0
	}
	w := scale{b: args}
	at := h.end
	for _, p := range a.params[:min(uint64(len(a.params)), h.arg)] {
		begin := at
		if at, ok = w.parameter(p, at); !ok {
			w.add(uint64(len(args) - begin))
			break
		}
	}
	return int(min(w.total, math.MaxInt))
}

// scale adds up what a message decodes to.
type scale struct {
	b     []byte
	total uint64
}

func (w *scale) add(n uint64) { w.total += min(n, math.MaxUint64-w.total) }

// parameter adds a parameter at w.b[at:], and returns where it ends, or false
// where nothing that follows weighs anything.
func (w *scale) parameter(p parameter, at int) (end int, ok bool) {
	h, ok := readHead(w.b, at)
	if !ok {
		return at, false
	}
	if p.out {
		if h.major == majorUint && h.arg <= maxBuffer {
			w.add(h.arg)
		}
		return h.end, true
	}
	if p.plan.shape == shapeBytes && h.major == majorBytes {
		if end, f := skipString(w.b, h); f == nil {
			if !sharesMessage(end-h.end, len(w.b)-at) {
				w.add(uint64(end - h.end))
			}
			return end, true
		}
	}
	w.add(uint64(p.plan.typ.Size()))
	if p.rest && p.plan.shallow() {
		w.container(p.plan, h)
		return at, false // its elements weigh what they are long
	}
	if end, ok = w.value(p.plan, at, 0); ok {
		w.add(uint64(end - at)) // texts and byte strings are copied
	}
	return end, ok
}

// isLight reports whether a value of p takes no memory beyond its type's size and
// the bytes that it came in.
func (p *plan) isLight() bool {
	switch p.shape {
	case shapeArray:
		return p.elem.isLight()
	case shapeStruct:
		if p.fields.viaPointer {
			return false
		}
		for _, f := range p.fields.flat {
			if !f.plan.isLight() {
				return false
			}
		}
		return true
	case shapeSlice, shapeMap, shapePointer, shapeTime, shapeBigInt, shapeError, shapeInterface:
		return false
	}
	return true
}

// shallow reports whether p is light, or a slice or map of what is.
func (p *plan) shallow() bool {
	switch p.shape {
	case shapeSlice:
		return p.elem.light
	case shapeMap:
		return p.key.light && p.elem.light
	}
	return p.light
}

// costPerByte returns the most memory that one byte can cost in a value of p: the
// sum of what the types inside take for an item, which has a byte at least. It
// returns false where that depends on the value.
func (p *plan) costPerByte(seen map[*plan]bool) (cost uint64, ok bool) {
	if seen[p] {
		return 0, true
	}
	seen[p] = true
	ok = true
	below := func(q *plan) {
		c, o := q.costPerByte(seen)
		cost, ok = cost+c, ok && o
	}
	switch p.shape {
	case shapeInterface, shapeError:
		return 0, false
	case shapeTime:
		cost = zoneCost
	case shapeBigInt:
		cost = bigCost
	case shapePointer, shapeSlice:
		cost = uint64(p.elem.typ.Size())
	case shapeMap:
		cost = p.mapSize(1) // a greater one has more bytes
		below(p.key)
	case shapeStruct:
		cost = p.fields.viaPointers(p.typ)
		for _, f := range p.fields.flat {
			below(f.plan)
		}
	}
	if p.elem != nil {
		below(p.elem)
	}
	return cost, ok
}

// viaPointers returns the size of the structs that t, whose fields these are,
// embeds by pointer.
func (s *fieldSet) viaPointers(t reflect.Type) uint64 {
	if !s.viaPointer {
		return 0
	}
	return embeddedSize(t, s.members)
}

func embeddedSize(t reflect.Type, members []member) (size uint64) {
	for i := range members {
		m := &members[i]
		if m.field != nil {
			continue
		}
		typ := t.Field(m.index).Type
		if m.pointer {
			typ = typ.Elem()
			size += uint64(typ.Size())
		}
		size += embeddedSize(typ, m.embedded)
	}
	return size
}

// mapSize returns what a map of n entries takes, without what is behind pointers
// in them.
func (p *plan) mapSize(n uint64) uint64 {
	if n == 0 {
		return mapHeader
	}
	slot, apart := uint64(0), uint64(0)
	for _, size := range []uintptr{p.key.typ.Size(), p.elem.typ.Size()} {
		if size > mapIndirect {
			apart += uint64(size)
			size = uintptr(bits.UintSize / 8)
		}
		slot += uint64(size)
	}
	slot = (slot + 7) &^ 7
	slots := uint64(mapGroup)
	if n > mapGroup {
		// Groups are filled to seven eighths, in tables of a power of two of slots,
		// some of which are split and so half empty.
		slots = uint64(1) << bits.Len64(n*8/7)
		slots += slots / 2
	}
	return mapHeader + slots*(slot+1) + n*apart
}

// value adds what the value of p at w.b[at:], nested in depth arrays and maps,
// takes beyond its type's size, and returns where it ends. It stops at what no
// value looks like: that is not decoded.
func (w *scale) value(p *plan, at, depth int) (end int, ok bool) {
	h, ok := readHead(w.b, at)
	switch {
	case !ok || p.root != nil:
		return at, false
	case h.isNull():
		return h.end, true
	case p.light:
		return w.skip(at)
	}
	switch p.shape {
	case shapePointer:
		w.add(uint64(p.elem.typ.Size()))
		return w.value(p.elem, at, depth)
	case shapeTime:
		return w.time(at)
	case shapeBigInt:
		w.add(bigCost)
		return w.skip(at)
	case shapeError:
		return w.error(h, at)
	}
	if depth++; depth > wire.MaxNesting {
		return at, false
	}
	switch p.shape {
	case shapeInterface:
		return w.held(p, h, depth)
	case shapeSlice, shapeArray:
		if h.major != majorArray || !w.container(p, h) {
			return at, false
		}
		end = h.end
		for range int(h.arg) {
			if end, ok = w.value(p.elem, end, depth); !ok {
				return end, false
			}
		}
		return end, true
	case shapeMap:
		if h.major != majorMap || !w.container(p, h) {
			return at, false
		}
		end = h.end
		for range int(h.arg) {
			if end, ok = w.value(p.key, end, depth); ok {
				end, ok = w.value(p.elem, end, depth)
			}
			if !ok {
				return end, false
			}
		}
		return end, true
	}
	return w.fields(p, h, depth)
}

// skip returns where the item at w.b[at:] ends. It takes all that is decoded.
func (w *scale) skip(at int) (end int, ok bool) {
	end, f := skip(w.b, at, 0)
	return end, f == nil
}

// container adds the elements of the slice or map with head h, and reports
// whether it may have as many as it says, each in a byte at least.
func (w *scale) container(p *plan, h head) bool {
	if h.arg > wire.MaxElements || h.arg > uint64(len(w.b)-h.end) {
		return false
	}
	switch p.shape {
	case shapeSlice:
		w.add(h.arg * uint64(p.elem.typ.Size()))
	case shapeMap:
		w.add(p.mapSize(h.arg))
	}
	return true
}

// fields adds the fields of a struct.
func (w *scale) fields(p *plan, h head, depth int) (end int, ok bool) {
	if h.major != majorMap || h.arg > wire.MaxElements {
		return h.end, false
	}
	if h.arg > 0 {
		w.add(p.fields.viaPointers(p.typ))
	}
	end = h.end
	for range int(h.arg) {
		at := end
		if end, ok = w.skip(at); !ok {
			return at, false
		}
		fd := p.fields.byKey[string(w.b[at:end])]
		if fd == nil {
			return at, false
		}
		if end, ok = w.value(fd.plan, end, depth); !ok {
			return end, false
		}
	}
	return end, true
}

// time adds the zone of a time that is not in UTC.
func (w *scale) time(at int) (end int, ok bool) {
	if end, ok = w.skip(at); ok && w.b[end-1] != 'Z' {
		w.add(zoneCost)
	}
	return end, ok
}

// error adds the tree of an error with head h.
func (w *scale) error(h head, at int) (end int, ok bool) {
	if end, ok = w.skip(at); ok {
		w.add(h.arg*errorCost + uint64(end-at)*errorGrowth)
	}
	return end, ok && h.major == majorArray
}

// held adds what an interface of plan p holds, behind the head h.
func (w *scale) held(p *plan, h head, depth int) (end int, ok bool) {
	if h.major != majorArray || h.arg != 2 {
		return h.end, false
	}
	name, end, f := readTypeName(w.b, h.end)
	if f != nil {
		return h.end, false
	}
	if name == errorName {
		if h, ok = readHead(w.b, end); !ok {
			return end, false
		}
		return w.error(h, end)
	}
	k, f := knownBy(name)
	if f != nil {
		return end, false
	}
	q, f := k.planIn(p)
	if f != nil {
		return end, false
	}
	w.add(uint64(k.typ.Size()))
	return w.value(q, end, depth)
}
