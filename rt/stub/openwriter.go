package stub

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// A type is open when there is something in it that the CBOR library cannot
// carry: an interface, an error, a complex number, a uintptr. Values of open
// types are taken apart here, as deep as they are open; what is closed goes
// the usual way. They are encoded by the same rules, deterministically.

// openWriter appends a value that a checker has looked at.
type openWriter struct {
	sender *sender
	buf    *bytes.Buffer
	limit  int // of buf
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
	if v.Kind() == reflect.Complex64 { // Complex would convert it, which changes some NaNs
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
	// What the error holds counts as nested deeper, so that no error can hold
	// itself without end.
	item, fail := w.sender.encodeError(err, w.limit-w.buf.Len(), depth+1)
	if fail != nil {
		return &fault{err: fail}
	}
	w.buf.Write(item)
	return nil
}

// held appends the value that an interface of plan p holds.
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

// holdsError reports whether v, which an interface holds, travels as an error
// does: it keeps its identity, or its type is known as an error type only.
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

// addressable returns v, or a copy where v has no address.
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
			continue // promoted from a pointer that is nil
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

// openMap brings the pairs of a map into the order of their keys, bytewise.
type openMap struct {
	w     *openWriter
	start int
	pairs []openPair
}

// openPair has offsets from the map's start.
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

// end puts the head before the pairs, and those in order.
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
