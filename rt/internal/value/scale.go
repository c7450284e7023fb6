package value

import (
	"math"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// scale adds up the memory of a decoded message.
type scale struct {
	errors *Errors
	quota  *TypeQuota
	b      []byte
	total  uint64
}

func (w *scale) add(n uint64) { w.total += min(n, math.MaxUint64-w.total) }

// parameter adds a parameter at w.b[at:] and returns its end. It returns false if no
// later parameter weighs anything.
func (w *scale) parameter(p parameter, at int) (end int, ok bool) {
	h, ok := readHead(w.b, at)
	if !ok {
		return at, false
	}
	if p.out {
		if h.Major == majorUint && h.Arg <= MaxBuffer {
			w.add(h.Arg)
		}
		return h.End, true
	}
	if p.plan.shape == shapeBytes && h.Major == majorBytes {
		if end, f := skipString(w.b, h); f == nil {
			n, copies := uint64(end-h.End), p.copies()
			if p.plan.typ == bytesType && Shares(end-h.End, len(w.b)-at) {
				copies--
			}
			w.add(n * copies)
			return end, true
		}
	}
	w.add(uint64(p.plan.typ.Size()))
	if p.rest && !p.copied && p.plan.shallow() {
		w.container(p.plan, h)
		return at, false // the elements take as much memory as bytes
	}
	if end, ok = w.value(p.plan, at, 0); ok {
		w.add(uint64(end - at)) // texts and byte strings are copied
		if p.copied {
			w.add(copyCost * uint64(end-at))
		}
	}
	return end, ok
}

// value adds the memory of the value of p at w.b[at:], nested in depth arrays and maps,
// beyond the size of its type. It returns the end of the value. It stops at an item
// that does not match p, since that item is not decoded.
func (w *scale) value(p *Plan, at, depth int) (end int, ok bool) {
	if p.light {
		return skip(w.b, at)
	}
	h, ok := readHead(w.b, at)
	if !ok || h.isNull() {
		return h.End, ok
	}
	switch p.shape {
	case shapePointer:
		w.add(uint64(p.elem.typ.Size()))
		return w.value(p.elem, at, depth)
	case shapeTime:
		return w.time(at)
	case shapeBigInt:
		w.add(bigCost)
		return skip(w.b, at)
	case shapeError:
		return w.error(at)
	}
	if depth++; depth > wire.MaxNesting {
		return at, false
	}
	switch p.shape {
	case shapeInterface:
		return w.held(p, h, depth)
	case shapeSlice, shapeArray, shapeMap:
		if !w.container(p, h) {
			return at, false
		}
		if p.shallow() {
			return skip(w.b, at)
		}
		end, ok = h.End, true
		for range int(h.Arg) {
			if p.key != nil {
				end, ok = w.value(p.key, end, depth)
			}
			if ok {
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

// fields adds the fields of a struct.
func (w *scale) fields(p *Plan, h head, depth int) (end int, ok bool) {
	if h.Major != majorMap || h.Arg > uint64(len(p.fields.flat)) {
		return h.End, false
	}
	if h.Arg > 0 {
		w.add(p.fields.size)
	}
	end = h.End
	for i := range int(h.Arg) {
		fd := p.fields.sorted[i]
		at := end
		if end += len(fd.key); end > len(w.b) || string(w.b[at:end]) != fd.key {
			// Some fields are omitted, or the fields have another order.
			if fd, end, ok = p.fields.find(w.b, at); !ok || fd == nil {
				return at, false
			}
		}
		if end, ok = w.value(fd.plan, end, depth); !ok {
			return end, false
		}
	}
	return end, true
}

// time adds the zone of a time that is not in UTC.
func (w *scale) time(at int) (end int, ok bool) {
	if end, ok = skip(w.b, at); ok && w.b[end-1] != 'Z' {
		w.add(zoneCost)
	}
	return end, ok
}

// held adds the value in an interface of plan p, after the head h.
func (w *scale) held(p *Plan, h head, depth int) (end int, ok bool) {
	if h.Major != majorArray || h.Arg != 2 {
		return h.End, false
	}
	name, end, f := readTypeName(w.b, h.End)
	if f != nil {
		return h.End, false
	}
	if name == errorName {
		return w.error(end)
	}
	k, f := knownBy(name, w.quota)
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

// error adds the tree of an error.
func (w *scale) error(at int) (end int, ok bool) {
	h, ok := readHead(w.b, at)
	if !ok || h.Major != majorArray { // null, or in the data of an error an integer
		return h.End, ok && (h.isNull() || h.Major == majorUint)
	}
	if end, ok = skip(w.b, at); !ok {
		return at, false
	}
	w.add(h.Arg*errorCost + uint64(end-at)*errorGrowth)
	for range int(h.Arg) {
		if h.End, ok = w.node(h.End); !ok {
			return end, false
		}
	}
	return end, true
}

// node adds the value of an error at w.b[at:], a node of a tree. The value is the data
// from which an error of its own type is rebuilt.
func (w *scale) node(at int) (end int, ok bool) {
	h, ok := readHead(w.b, at)
	if !ok || h.Major != majorMap {
		return at, false
	}
	var name, data []byte
	end = h.End
	for range int(h.Arg) {
		key, value := end, 0
		if value, ok = skip(w.b, end); !ok {
			return end, false
		}
		if end, ok = skip(w.b, value); !ok {
			return end, false
		}
		switch string(w.b[key:value]) {
		case "\x64name":
			name = content(w.b[value:end])
		case "\x64data":
			data = content(w.b[value:end])
		}
	}
	b := errorBuilder{errors: w.errors, quota: w.quota}
	if typ := b.errorType(string(name)); typ != nil { // otherwise it becomes a RemoteError
		w.add(uint64(typ.Size()))
		inner := scale{errors: w.errors, quota: w.quota, b: data}
		inner.value(errorPlanOf(typ), 0, 0)
		w.add(inner.total)
	}
	return end, ok
}

// content returns the bytes of a text or byte string.
func content(item []byte) []byte {
	h, ok := readHead(item, 0)
	if !ok || h.Major != majorText && h.Major != majorBytes {
		return nil
	}
	return item[h.End:]
}
