package stub

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// A type is open if it contains a type that the CBOR library cannot encode: an
// interface, an error, a complex number, a uintptr. openWriter encodes the open parts
// of such a value, and the library encodes the closed parts. Both follow the same
// deterministic rules.

// openWriter appends a value that a checker has accepted.
type openWriter struct {
	sender *sender
	buf    *bytes.Buffer
	limit  int // size limit of buf
}

func (w *openWriter) head(major byte, arg uint64) {
	w.buf.Write(appendHead(w.buf.AvailableBuffer(), major, arg))
}

// value appends v, which is addressable and nested in depth arrays and maps.
func (w *openWriter) value(p *plan, v reflect.Value, depth int) *fault {
	if !p.open {
		return w.closed(v)
	}
	if encodesNull(p, v) {
		w.buf.WriteByte(itemNull)
		return nil
	}
	switch p.shape {
	case shapePointer:
		return w.value(p.elem, v.Elem(), depth)
	case shapeUintptr:
		w.head(majorUint, v.Uint())
		return nil
	case shapeComplex:
		return w.complex(v)
	case shapeError:
		return w.error(v.Interface().(error), depth)
	case shapeInterface:
		return w.held(p, v.Elem(), depth+1)
	case shapeSlice, shapeArray:
		w.head(majorArray, uint64(v.Len()))
		for i := range v.Len() {
			if f := w.value(p.elem, v.Index(i), depth+1); f != nil {
				return f.below(indexStep(i))
			}
		}
		return nil
	case shapeMap:
		return w.entries(p, v, depth+1)
	}
	return w.fields(p, v, depth+1)
}

func (w *openWriter) closed(v reflect.Value) *fault {
	if b, ok := appendScalar(w.buf.AvailableBuffer(), v.Addr().Interface()); ok {
		w.buf.Write(b)
		return nil
	}
	if err := wire.MarshalTo(w.buf, v.Addr().Interface()); err != nil {
		return &fault{err: err}
	}
	return nil
}

func (w *openWriter) complex(v reflect.Value) *fault {
	w.head(majorArray, 2)
	var parts [2]reflect.Value
	if v.Kind() == reflect.Complex64 { // v.Complex would convert the value, which changes some NaNs
		c := *v.Addr().Convert(reflect.TypeFor[*complex64]()).Interface().(*complex64)
		parts = [2]reflect.Value{reflect.ValueOf(real(c)), reflect.ValueOf(imag(c))}
	} else {
		c := v.Complex()
		parts = [2]reflect.Value{reflect.ValueOf(real(c)), reflect.ValueOf(imag(c))}
	}
	for _, part := range parts {
		if f := w.closed(addressable(part)); f != nil {
			return f
		}
	}
	return nil
}

func (w *openWriter) error(err error, depth int) *fault {
	// The contents of the error count as nested deeper, so an error that contains
	// itself terminates.
	item, fail := w.sender.encodeError(err, w.limit-w.buf.Len(), depth+1)
	if fail != nil {
		return &fault{err: fail}
	}
	w.buf.Write(item)
	return nil
}

// held appends the value in an interface of plan p.
func (w *openWriter) held(p *plan, v reflect.Value, depth int) *fault {
	w.head(majorArray, 2)
	if w.sender.holdsError(v) {
		name := errorName
		w.closed(reflect.ValueOf(&name).Elem())
		return w.error(v.Interface().(error), depth)
	}
	k, f := knownOf(v.Type())
	if f != nil {
		return f
	}
	q, f := k.planIn(p)
	if f != nil {
		return f
	}
	w.closed(reflect.ValueOf(&k.name).Elem())
	if f := w.value(q, addressable(v), depth); f != nil {
		return f.below(heldStep(k.typ))
	}
	return nil
}

// holdsError reports whether v, a value in an interface, is sent as an error. It is if
// it keeps its identity as an error, or if its type is known only as an error type.
func (s *sender) holdsError(v reflect.Value) bool {
	err, ok := v.Interface().(error)
	if !ok {
		return false
	}
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if _, ok := s.table.sentinel(err); ok || s.table.typeNames[t] != "" {
		return true
	}
	_, f := knownOf(v.Type())
	return f != nil
}

// addressable returns v, or a copy if v has no address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

func (w *openWriter) entries(p *plan, v reflect.Value, depth int) *fault {
	m := w.beginMap()
	for it := v.MapRange(); it.Next(); {
		m.next()
		f := w.value(p.key, addressable(it.Key()), depth)
		m.keyEnds()
		if f == nil {
			f = w.value(p.elem, addressable(it.Value()), depth)
		}
		if f != nil {
			return f.below(keyStep(it.Key()))
		}
	}
	m.end()
	return nil
}

func (w *openWriter) fields(p *plan, v reflect.Value, depth int) *fault {
	m := w.beginMap()
	for _, fd := range p.fields.flat {
		fv, err := v.FieldByIndexErr(fd.index)
		if err != nil {
			continue // promoted from a nil pointer
		}
		dropped, f := fd.dropped(fv)
		if f == nil && !dropped {
			m.next()
			w.buf.WriteString(fd.key)
			m.keyEnds()
			f = w.value(fd.plan, fv, depth)
		}
		if f != nil {
			return f.below("." + fd.name)
		}
	}
	m.end()
	return nil
}

// openMap sorts the pairs of a map by the bytes of their keys.
type openMap struct {
	w     *openWriter
	start int
	pairs []openPair
}

// openPair has offsets from the start of the map.
type openPair struct{ at, value, end int }

func (w *openWriter) beginMap() *openMap { return &openMap{w: w, start: w.buf.Len()} }

func (m *openMap) offset() int { return m.w.buf.Len() - m.start }

// next begins a pair.
func (m *openMap) next() {
	m.close()
	m.pairs = append(m.pairs, openPair{at: m.offset()})
}

func (m *openMap) keyEnds() { m.pairs[len(m.pairs)-1].value = m.offset() }

func (m *openMap) close() {
	if len(m.pairs) > 0 {
		m.pairs[len(m.pairs)-1].end = m.offset()
	}
}

// end writes the head and the sorted pairs.
func (m *openMap) end() {
	m.close()
	b := bytes.Clone(m.w.buf.Bytes()[m.start:])
	slices.SortFunc(m.pairs, func(x, y openPair) int {
		return bytes.Compare(b[x.at:x.value], b[y.at:y.value])
	})
	m.w.buf.Truncate(m.start)
	m.w.head(majorMap, uint64(len(m.pairs)))
	for _, pair := range m.pairs {
		m.w.buf.Write(b[pair.at:pair.end])
	}
}
