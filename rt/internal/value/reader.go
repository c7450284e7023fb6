package value

import (
	"bytes"
	"math/big"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Reader decodes the values of a message, and checks each while it decodes it. Only one
// goroutine may use a Reader at a time.
type Reader struct {
	errors *Errors
	quota  *TypeQuota // quota of the peer that sent the message; nil means no limit
	b      []byte
	at     int // start of the next item in b

	// children is set in the data of an error: see Writer.
	children []error
}

// NewReader returns a reader. The errors of the table keep their identity. Types that are
// new in this process count against quota.
func NewReader(table *Errors, quota *TypeQuota) Reader { return Reader{errors: table, quota: quota} }

// Limit counts the types that are new in this process against quota from now on.
func (r *Reader) Limit(quota *TypeQuota) { r.quota = quota }

// Read decodes the first item of b into v, which is addressable, zero and of p's type. It
// returns the bytes after the item. If the item is not an encoding of such a value, Read
// returns an error that names the type, the path inside the value and the reason, and v
// must not be used. No value shares memory with b. Read panics only if a method of v
// panics.
func (r *Reader) Read(b []byte, p *Plan, v reflect.Value) (rest []byte, err error) {
	return r.read(b, p, v, 0)
}

// read is Read for a value that is nested in depth arrays and maps.
func (r *Reader) read(b []byte, p *Plan, v reflect.Value, depth int) (rest []byte, err error) {
	if p.root != nil {
		return nil, p.root.in(p.typ)
	}
	r.b, r.at = b, 0
	if f := r.value(p, v, depth); f != nil {
		return nil, f.in(p.typ)
	}
	rest, r.b = r.b[r.at:], nil
	return rest, nil
}

// head reads the head of the next item.
func (r *Reader) head() (h head, ok bool) {
	if h, ok = readHead(r.b, r.at); ok {
		r.at = h.End
	}
	return h, ok
}

// value decodes the next item, which is nested in depth arrays and maps, into v.
func (r *Reader) value(p *Plan, v reflect.Value, depth int) *fault {
	start := r.at
	h, ok := r.head()
	if !ok {
		return malformed()
	}
	if h.isNull() {
		switch p.shape {
		case shapePointer, shapeSlice, shapeBytes, shapeMap, shapeTime, shapeError, shapeInterface:
			return nil // v is zero
		}
		return p.mismatch(h)
	}
	switch p.shape {
	case shapeBool:
		if !h.isBool() {
			return p.mismatch(h)
		}
		v.SetBool(h.Info == itemTrue&31)
	case shapeInt:
		n, ok := h.integer()
		if h.Major > majorNegative {
			return p.mismatch(h)
		}
		if !ok || v.OverflowInt(n) {
			return p.overflow(h)
		}
		v.SetInt(n)
	case shapeUint, shapeUintptr:
		if h.Major != majorUint {
			return p.mismatch(h)
		}
		if v.OverflowUint(h.Arg) {
			return p.overflow(h)
		}
		v.SetUint(h.Arg)
	case shapeFloat32, shapeFloat64:
		return r.float(p, v, h)
	case shapeString:
		text, f := r.text(p, h)
		if f == nil {
			v.SetString(string(text))
		}
		return f
	case shapeBytes, shapeByteArray:
		return r.bytes(p, v, h)
	case shapePointer:
		r.at = start
		elem := reflect.New(p.elem.typ)
		v.Set(elem)
		return r.value(p.elem, elem.Elem(), depth)
	case shapeTime:
		return r.time(p, h, v.Addr().Interface().(*time.Time))
	case shapeBigInt:
		return r.bigInt(p, h, v.Addr().Interface().(*big.Int))
	case shapeBinary, shapeText:
		return r.marshalled(p, v, h)
	case shapeError:
		return r.heldError(p, v, h, start, depth)
	case shapeRefused:
		return p.reason.copy()
	default:
		return r.composite(p, v, h, depth+1)
	}
	return nil
}

// heldError decodes an error that a value holds: a tree that begins at start or, in the
// data of another error, the index of a child.
func (r *Reader) heldError(p *Plan, v reflect.Value, h head, start, depth int) *fault {
	switch h.Major {
	case majorArray:
		r.at = start
		return r.error(v, depth)
	case majorUint:
		if h.Arg < uint64(len(r.children)) {
			v.Set(reflect.ValueOf(r.children[h.Arg]))
			return nil
		}
	}
	return p.mismatch(h)
}

// overflow returns the fault for the integer with head h, which p's type cannot have.
func (p *Plan) overflow(h head) *fault {
	return faultf("the integer %s overflows %s", keyText(nil, h), p.typ)
}

// float decodes a float. A NaN as a map's key could not be found again.
func (r *Reader) float(p *Plan, v reflect.Value, h head) *fault {
	if !h.isFloat(p.typ.Bits() / 8) {
		return p.mismatch(h)
	}
	f := h.float64()
	switch {
	case f == f, p.shape == shapeFloat64 && !p.inKey:
		v.SetFloat(f)
	case p.inKey:
		return p.mismatch(h)
	default: // SetFloat would convert the value, which changes some NaNs
		*PointerTo[float32](v) = h.float32()
	}
	return nil
}

// string reads the content of a string of the major type with head h. The result shares the
// memory of the message.
func (r *Reader) string(p *Plan, h head, major byte) ([]byte, *fault) {
	if h.Major != major {
		return nil, p.mismatch(h)
	}
	end, f := skipString(r.b, h)
	if f != nil {
		return nil, f
	}
	r.at = end
	return r.b[h.End:end], nil
}

func (r *Reader) text(p *Plan, h head) ([]byte, *fault) {
	if h.Major != majorText {
		return nil, p.mismatch(h)
	}
	if h.Arg > uint64(len(r.b)-h.End) {
		return nil, cutShort()
	}
	r.at = h.End + int(h.Arg)
	text := r.b[h.End:r.at]
	if !utf8.Valid(text) {
		return nil, &fault{err: errNotUTF8}
	}
	return text, nil
}

func (r *Reader) bytes(p *Plan, v reflect.Value, h head) *fault {
	data, f := r.string(p, h, majorBytes)
	switch {
	case f != nil:
		return f
	case p.shape == shapeBytes:
		v.SetBytes(append(make([]byte, 0, len(data)), data...))
	case len(data) != v.Len():
		return p.mismatch(h)
	default:
		copy(v.Bytes(), data)
	}
	return nil
}

// tagged reads the content of a tag, a string of the major type.
func (r *Reader) tagged(p *Plan, major byte) ([]byte, *fault) {
	h, ok := r.head()
	if !ok || h.Major != major {
		return nil, faultf("the tag's content is no value of type %s", p.typ)
	}
	return r.string(p, h, major)
}

func (r *Reader) bigInt(p *Plan, h head, n *big.Int) *fault {
	negative := h.Major == majorNegative
	switch {
	case h.Major <= majorNegative:
		n.SetUint64(h.Arg)
	case h.Major != majorTag || h.Arg != tagBignum && h.Arg != tagNegativeBignum:
		return p.mismatch(h)
	default:
		data, f := r.tagged(p, majorBytes)
		if f != nil {
			return f
		}
		n.SetBytes(data)
		negative = h.Arg == tagNegativeBignum
	}
	if negative {
		n.Not(n) // -1-n
	}
	return nil
}

// marshalled passes the content of a string to the Unmarshal method of v. The method may
// retain or change its argument, so it gets a copy.
func (r *Reader) marshalled(p *Plan, v reflect.Value, h head) *fault {
	var data []byte
	var f *fault
	if p.shape == shapeText {
		data, f = r.text(p, h)
	} else {
		data, f = r.string(p, h, majorBytes)
	}
	if f != nil {
		return f
	}
	if err := unmarshal(v.Addr(), p.shape, bytes.Clone(data)); err != nil {
		return faultf("decoding %s: %w", p.typ, err)
	}
	return nil
}

// composite decodes an array or map with head h, at depth.
func (r *Reader) composite(p *Plan, v reflect.Value, h head, depth int) *fault {
	if depth > wire.MaxNesting {
		return faultf("nested deeper than %d levels", wire.MaxNesting)
	}
	if h.Major != p.major() {
		return p.mismatch(h)
	}
	switch p.shape {
	case shapeComplex, shapeInterface:
		if h.Arg != 2 {
			return p.mismatch(h)
		}
		if p.shape == shapeComplex {
			return r.complex(p, v)
		}
		return r.held(p, v, depth)
	case shapeStruct:
		if f := r.claimed(h, 1); f != nil {
			return f
		}
		return r.fields(p, v, int(h.Arg), depth)
	case shapeMap:
		if f := r.claimed(h, p.key.least+p.elem.least); f != nil {
			return f
		}
		return r.entries(p, v, int(h.Arg), depth)
	case shapeArray:
		if h.Arg != uint64(v.Len()) {
			return faultf("%d elements are no value of type %s", h.Arg, p.typ)
		}
	}
	if f := r.claimed(h, p.elem.least); f != nil {
		return f
	}
	return r.elements(p, v, int(h.Arg), depth)
}

// major returns the major type of p, whose values are arrays or maps.
func (p *Plan) major() byte {
	if p.shape == shapeMap || p.shape == shapeStruct {
		return majorMap
	}
	return majorArray
}

// claimed returns a fault if the message cannot have as many elements as h claims. Each of
// them has at least least bytes.
func (r *Reader) claimed(h head, least uint64) *fault {
	if h.Arg > wire.MaxElements {
		return faultf("%d elements, more than %d", h.Arg, wire.MaxElements)
	}
	if h.Arg*least > uint64(len(r.b)-r.at) {
		return cutShort()
	}
	return nil
}

// complex decodes the real and the imaginary part.
func (r *Reader) complex(p *Plan, v reflect.Value) *fault {
	size := p.typ.Bits() / 16
	var parts [2]head
	for i := range parts {
		h, ok := r.head()
		if !ok || !h.isFloat(size) || p.inKey && h.float64() != h.float64() {
			return faultf("a part is no float of %d bytes of %s", size, p.typ)
		}
		parts[i] = h
	}
	if size == 4 { // SetComplex would convert the parts, which changes some NaNs
		*PointerTo[complex64](v) = complex(parts[0].float32(), parts[1].float32())
	} else {
		v.SetComplex(complex(parts[0].float64(), parts[1].float64()))
	}
	return nil
}

func (r *Reader) elements(p *Plan, v reflect.Value, n, depth int) *fault {
	switch {
	case p.shape == shapeArray:
	case n == 0:
		v.Set(reflect.MakeSlice(p.typ, 0, 0))
		return nil
	case p.fast == fastInts:
		list := v.Addr().Interface().(*[]int)
		*list = make([]int, n)
		return r.ints(p.elem, *list)
	case p.fast == fastStrings:
		list := v.Addr().Interface().(*[]string)
		*list = make([]string, n)
		return r.strings(p.elem, *list)
	default:
		v.Grow(n)
		v.SetLen(n)
	}
	for i := range n {
		if f := r.value(p.elem, v.Index(i), depth); f != nil {
			return f.below(indexStep(i))
		}
	}
	return nil
}

func (r *Reader) ints(p *Plan, list []int) *fault {
	for i := range list {
		h, ok := r.head()
		if !ok {
			return malformed().below(indexStep(i))
		}
		if h.Major > majorNegative {
			return p.mismatch(h).below(indexStep(i))
		}
		if !decodeInt(h, &list[i]) {
			return p.overflow(h).below(indexStep(i))
		}
	}
	return nil
}

func (r *Reader) strings(p *Plan, list []string) *fault {
	for i := range list {
		h, ok := r.head()
		if !ok {
			return malformed().below(indexStep(i))
		}
		text, f := r.text(p, h)
		if f != nil {
			return f.below(indexStep(i))
		}
		list[i] = string(text)
	}
	return nil
}
