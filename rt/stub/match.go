package stub

import (
	"fmt"
	"strconv"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/wire"
)

// match returns the end of the item at b[at:]. It returns a fault if the item is not an
// encoding of a value of p's type. The CBOR library is less strict: it accepts null for
// a zero, an integer for a float, arrays of any length for [4]int. match leaves to the
// library and to package wire: UTF-8, duplicate keys, the ranges of integers, and the
// content of a marshaller's bytes. Types that are new in this process count against
// quota.
func (p *plan) match(b []byte, at, depth int, quota *TypeQuota) (end int, f *fault) {
	h, ok := readHead(b, at)
	if !ok {
		return 0, faultf("the item is cut short or malformed")
	}
	if h.isNull() {
		switch p.shape {
		case shapePointer, shapeSlice, shapeBytes, shapeMap, shapeTime, shapeError, shapeInterface:
			return h.end, nil
		}
		return 0, p.mismatch(h)
	}
	switch p.shape {
	case shapeRefused:
		return 0, p.reason.copy()
	case shapePointer:
		return p.elem.match(b, at, depth, quota)
	case shapeSlice, shapeArray, shapeMap, shapeStruct:
		if depth++; depth > wire.MaxNesting {
			return 0, faultf("nested deeper than %d levels", wire.MaxNesting)
		}
		if p.shape == shapeSlice || p.shape == shapeArray {
			return p.matchList(b, h, depth, quota)
		}
		return p.matchMap(b, h, depth, quota)
	case shapeComplex, shapeInterface:
		if depth++; depth > wire.MaxNesting {
			return 0, faultf("nested deeper than %d levels", wire.MaxNesting)
		}
		if h.major != majorArray || h.arg != 2 {
			return 0, p.mismatch(h)
		}
		if p.shape == shapeComplex {
			return p.matchComplex(b, h)
		}
		return p.matchHeld(b, h, depth, quota)
	case shapeError:
		if h.major != majorArray {
			return 0, p.mismatch(h)
		}
		return skip(b, at, depth)
	case shapeTime:
		return p.matchTagged(b, h, majorText)
	case shapeBigInt:
		if h.major == majorTag {
			return p.matchTagged(b, h, majorBytes)
		}
	}
	if !p.matchesScalar(h) {
		return 0, p.mismatch(h)
	}
	if h.major == majorBytes || h.major == majorText {
		return skipString(b, h)
	}
	return h.end, nil
}

func (h head) isNull() bool { return h.major == majorOther && h.info == 22 }

// mismatch returns the fault for an item with head h that is not a value of p's type.
func (p *plan) mismatch(h head) *fault {
	names := [...]string{"an integer", "a negative integer", "a byte string", "text", "an array", "a map", "a tagged item", "a float or simple value"}
	name := names[h.major]
	if h.isNull() {
		name = "null"
	}
	return faultf("%s is no value of type %s", name, p.typ)
}

// matchesScalar matches a head that is no array, map or tag.
func (p *plan) matchesScalar(h head) bool {
	switch p.shape {
	case shapeBool:
		return h.major == majorOther && (h.info == 20 || h.info == 21)
	case shapeInt, shapeBigInt:
		return h.major == majorUint || h.major == majorNegative
	case shapeUint:
		return h.major == majorUint
	case shapeUintptr:
		return h.major == majorUint && uint64(uintptr(h.arg)) == h.arg
	case shapeFloat32:
		return p.matchesFloat(h, 4)
	case shapeFloat64:
		return p.matchesFloat(h, 8)
	case shapeString, shapeText:
		return h.major == majorText
	case shapeBytes, shapeBinary:
		return h.major == majorBytes
	case shapeByteArray:
		return h.major == majorBytes && h.arg == uint64(p.typ.Len())
	}
	return false
}

// matchesFloat reports whether h is a float of at most size bytes. A NaN as a map's key
// does not match, since it could not be found again.
func (p *plan) matchesFloat(h head, size int) bool {
	if h.major != majorOther || h.info < 25 || h.info > 27 || 1<<(h.info-24) > size {
		return false
	}
	_, ok := h.float()
	return ok || !p.inKey
}

func skipString(b []byte, h head) (end int, f *fault) {
	if h.arg > uint64(len(b)-h.end) {
		return 0, faultf("the item is cut short")
	}
	return h.end + int(h.arg), nil
}

// matchTagged matches a time, or an integer of more than 64 bits.
func (p *plan) matchTagged(b []byte, h head, major byte) (end int, f *fault) {
	isTime := h.arg == 0 && major == majorText
	isBig := (h.arg == 2 || h.arg == 3) && major == majorBytes
	if h.major != majorTag || !isTime && !isBig {
		return 0, p.mismatch(h)
	}
	content, ok := readHead(b, h.end)
	if !ok || content.major != major {
		return 0, faultf("the tag's content is no value of type %s", p.typ)
	}
	end, f = skipString(b, content)
	if f == nil && p.inKey && isTime && (content.arg == 0 || b[end-1] != 'Z') {
		return 0, &fault{err: errKeyInZone}
	}
	return end, f
}

func (p *plan) matchList(b []byte, h head, depth int, quota *TypeQuota) (end int, f *fault) {
	if h.major != majorArray {
		return 0, p.mismatch(h)
	}
	if p.shape == shapeArray && h.arg != uint64(p.typ.Len()) {
		return 0, faultf("%d elements are no value of type %s", h.arg, p.typ)
	}
	if h.arg > wire.MaxElements {
		return 0, faultf("%d elements, more than %d", h.arg, wire.MaxElements)
	}
	end = h.end
	for i := range int(h.arg) {
		if end, f = p.elem.match(b, end, depth, quota); f != nil {
			return 0, f.below(indexStep(i))
		}
	}
	return end, nil
}

func (p *plan) matchMap(b []byte, h head, depth int, quota *TypeQuota) (end int, f *fault) {
	if h.major != majorMap {
		return 0, p.mismatch(h)
	}
	if h.arg > wire.MaxElements {
		return 0, faultf("%d entries, more than %d", h.arg, wire.MaxElements)
	}
	if p.shape == shapeStruct {
		return p.matchFields(b, h, depth, quota)
	}
	end = h.end
	for i := range int(h.arg) {
		// Entries are numbered, since the keys are not decoded yet.
		if end, f = p.key.match(b, end, depth, quota); f != nil {
			return 0, f.below(fmt.Sprintf("[key %d]", i))
		}
		if end, f = p.elem.match(b, end, depth, quota); f != nil {
			return 0, f.below(fmt.Sprintf("[entry %d]", i))
		}
	}
	return end, nil
}

// matchFields matches a struct. A field may be absent only if omitempty or omitzero may
// have omitted it, or if it is promoted from a pointer that may have been nil.
func (p *plan) matchFields(b []byte, h head, depth int, quota *TypeQuota) (end int, f *fault) {
	missing := p.fields.required
	end = h.end
	for range int(h.arg) {
		name, ok := readHead(b, end)
		if !ok {
			return 0, faultf("the item is cut short or malformed")
		}
		at := end
		end = name.end
		switch name.major {
		case majorUint, majorNegative:
		case majorText:
			if end, f = skipString(b, name); f != nil {
				return 0, f
			}
		default:
			return 0, faultf("a key that is no field's name")
		}
		fd := p.fields.byKey[string(b[at:end])]
		if fd == nil {
			return 0, faultf("%s has no field %s", p.typ, keyText(b[at:end], name))
		}
		if !fd.optional {
			missing--
		}
		if item, ok := readHead(b, end); ok && fd.omitEmpty && fd.plan.isEmpty(item) {
			return 0, faultf("an empty value is not sent with omitempty").below("." + fd.name)
		}
		if end, f = fd.plan.match(b, end, depth, quota); f != nil {
			return 0, f.below("." + fd.name)
		}
	}
	if missing != 0 {
		// Negative if there are duplicates, which the CBOR library names.
		return 0, faultf("%d of the fields of %s are missing or given twice", max(missing, -missing), p.typ)
	}
	return end, nil
}

// isEmpty reports whether omitempty omits the value of the item with head h.
func (p *plan) isEmpty(h head) bool {
	switch p.shape {
	case shapeStruct, shapeTime, shapeBigInt:
		return false
	case shapePointer:
		return h.isNull()
	}
	if h.major == majorOther {
		f, ok := h.float()
		return h.info == 20 || h.isNull() || ok && f == 0
	}
	return h.major != majorNegative && h.arg == 0
}

// keyText returns a key as text for a message.
func keyText(key []byte, h head) string {
	switch h.major {
	case majorUint:
		return strconv.FormatUint(h.arg, 10)
	case majorNegative:
		return "-1-" + strconv.FormatUint(h.arg, 10)
	}
	const most = 40
	return strconv.Quote(cut.Text(string(key[len(key)-int(h.arg):]), most))
}
