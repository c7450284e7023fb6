package value

import (
	"math"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// scale adds up the memory of a decoded message. Its methods stop, and return false, at an
// item that does not match its type, since that item is not decoded.
type scale struct {
	Reader
	total uint64
}

func (w *scale) add(n uint64) { w.total += min(n, math.MaxUint64-w.total) }

// skip moves to the end of the next item.
func (w *scale) skip() (ok bool) {
	w.at, ok = skip(w.b, w.at)
	return ok
}

// parameter adds the next argument. It also returns false if no later one weighs anything.
func (w *scale) parameter(p parameter) bool {
	begin := w.at
	h, ok := readHead(w.b, begin)
	switch {
	case !ok:
		return false
	case p.out:
		if h.Major == majorUint && h.Arg <= MaxBuffer {
			w.add(h.Arg)
		}
		w.at = h.End
		return true
	case p.plan.shape == shapeBytes && h.Major == majorBytes:
		copies := p.copies()
		if ok = w.skip(); ok {
			if p.plan.typ == bytesType && Shares(int(h.Arg), len(w.b)-begin) {
				copies--
			}
			w.add(h.Arg * copies)
		}
		return ok
	}
	w.add(uint64(p.plan.typ.Size()))
	if p.rest && !p.copied && p.plan.shallow() {
		w.container(p.plan, h)
		return false // the elements take as much memory as bytes
	}
	if !w.value(p.plan, 0) {
		return false
	}
	size := uint64(w.at - begin)
	w.add(size) // texts and byte strings are copied
	if p.copied {
		w.add(copyCost * size)
	}
	return true
}

// value adds the memory of the next value, of p, nested in depth arrays and maps, beyond the
// size of its type.
func (w *scale) value(p *Plan, depth int) bool {
	if p.light {
		return w.skip()
	}
	h, ok := readHead(w.b, w.at)
	if !ok || h.isNull() {
		w.at = h.End
		return ok
	}
	switch p.shape {
	case shapePointer:
		w.add(uint64(p.elem.typ.Size()))
		return w.value(p.elem, depth)
	case shapeTime:
		ok = w.skip()
		if ok && w.b[w.at-1] != 'Z' {
			w.add(zoneCost)
		}
		return ok
	case shapeBigInt:
		w.add(bigCost)
		return w.skip()
	case shapeError:
		return w.error()
	}
	if depth++; depth > wire.MaxNesting {
		return false
	}
	switch p.shape {
	case shapeInterface:
		w.at = h.End
		return h.Major == majorArray && h.Arg == 2 && w.held(p, depth)
	case shapeStruct:
		w.at = h.End
		return w.fields(p, h, depth)
	}
	if !w.container(p, h) {
		return false
	}
	if p.shallow() {
		return w.skip()
	}
	w.at = h.End
	for range int(h.Arg) {
		if p.key != nil && !w.value(p.key, depth) || !w.value(p.elem, depth) {
			return false
		}
	}
	return true
}

// container adds the elements of the slice or map with head h. It reports whether h is the
// head of one, and the message can have as many elements, each of at least one byte.
func (w *scale) container(p *Plan, h head) bool {
	if h.Major != p.major() || h.Arg > wire.MaxElements || h.Arg > uint64(len(w.b)-h.End) {
		return false
	}
	switch p.shape {
	case shapeSlice:
		w.add(h.Arg * uint64(p.elem.typ.Size()))
	case shapeMap:
		w.add(p.mapSize(h.Arg))
	}
	return true
}

// fields adds the fields of a struct, after the head h.
func (w *scale) fields(p *Plan, h head, depth int) bool {
	if h.Major != majorMap || h.Arg > uint64(len(p.fields.flat)) {
		return false
	}
	if h.Arg > 0 {
		w.add(p.fields.size)
	}
	next := 0
	for range int(h.Arg) {
		fd, f := w.field(p, next)
		if f != nil || !w.value(fd.plan, depth) {
			return false
		}
		next = fd.place + 1
	}
	return true
}

// held adds the value in an interface of plan p, after the head of its array.
func (w *scale) held(p *Plan, depth int) bool {
	name, f := w.typeName()
	if f != nil {
		return false
	}
	if name == errorName {
		return w.error()
	}
	k, f := knownBy(name, w.quota)
	if f != nil {
		return false
	}
	q, f := k.planIn(p)
	if f != nil {
		return false
	}
	w.add(uint64(k.typ.Size()))
	return w.value(q, depth)
}

// error adds the tree of an error.
func (w *scale) error() bool {
	h, ok := readHead(w.b, w.at)
	if !ok || h.Major != majorArray { // null, or in the data of an error an integer
		w.at = h.End
		return ok && (h.isNull() || h.Major == majorUint)
	}
	end, ok := skip(w.b, w.at)
	if !ok {
		return false
	}
	w.add(h.Arg*errorCost + uint64(end-w.at)*errorGrowth)
	w.at = h.End
	for range int(h.Arg) {
		if !w.node() {
			return false
		}
	}
	return true
}

// node adds the value of the next error, a node of a tree: the data from which an error of
// its own type is rebuilt.
func (w *scale) node() bool {
	h, ok := w.head()
	if !ok || h.Major != majorMap {
		return false
	}
	var name, data []byte
	for range int(h.Arg) {
		key := w.at
		if !w.skip() {
			return false
		}
		value := w.at
		if !w.skip() {
			return false
		}
		switch string(w.b[key:value]) {
		case "\x64name":
			name = content(w.b[value:w.at])
		case "\x64data":
			data = content(w.b[value:w.at])
		}
	}
	if typ := w.errorType(string(name)); typ != nil { // otherwise it becomes a RemoteError
		w.add(uint64(typ.Size()))
		inner := scale{Reader: Reader{errors: w.errors, quota: w.quota, b: data}}
		inner.value(errorPlanOf(typ), 0)
		w.add(inner.total)
	}
	return true
}

// content returns the bytes of a text or byte string.
func content(item []byte) []byte {
	h, ok := readHead(item, 0)
	if !ok || h.Major != majorText && h.Major != majorBytes {
		return nil
	}
	return item[h.End:]
}
