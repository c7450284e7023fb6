package value

import (
	"reflect"
	"slices"
)

// fields appends a struct at depth.
func (w *Writer) fields(s *fieldSet, v reflect.Value, depth int) *fault {
	if s.viaPointer {
		if _, f := sent(s.members, v); f != nil {
			return f
		}
	}
	start, n := len(w.b), len(s.sorted)
	w.b = appendHead(w.b, majorMap, uint64(n))
	for _, fd := range s.sorted {
		fv := v
		if len(fd.index) == 1 {
			fv = v.Field(fd.index[0])
		} else if fv = promotedField(v, fd.index); !fv.IsValid() {
			n-- // promoted from a nil pointer
			continue
		}
		if fd.omitEmpty || fd.omitZero {
			omitted, f := fd.omitted(fv)
			if f != nil {
				return f.below(fd.path)
			}
			if omitted {
				n--
				continue
			}
		}
		w.b = append(w.b, fd.key...)
		if f := w.value(fd.plan, fv, depth); f != nil {
			return f.below(fd.path)
		}
	}
	if n < len(s.sorted) {
		w.setCount(start, len(s.sorted), n)
	}
	return nil
}

// promotedField returns the field of v at index, or the zero Value if v has a nil pointer
// on the path to it.
func promotedField(v reflect.Value, index []int) reflect.Value {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// setCount makes the head of a map, which begins at w.b[start:] and claims the number of
// entries claimed, claim n.
func (w *Writer) setCount(start, claimed, n int) {
	var space [2 * 9]byte
	old := appendHead(space[:0], majorMap, uint64(claimed))
	head := appendHead(space[9:9], majorMap, uint64(n))
	w.b = slices.Replace(w.b, start, start+len(old), head...)
}

// sent returns how many fields of a struct are sent. A struct that is embedded by pointer
// would come back nil if none of its fields was sent, so sent returns a fault.
func sent(members []member, v reflect.Value) (n int, f *fault) {
	for i := range members {
		m := &members[i]
		fv := v.Field(m.index)
		step := func() string { return "." + v.Type().Field(m.index).Name }
		switch {
		case m.field != nil:
			omitted, f := m.field.omitted(fv)
			if f != nil {
				return 0, f.below(step())
			}
			if !omitted {
				n++
			}
			continue
		case m.pointer && fv.IsNil():
			continue
		case m.pointer:
			fv = fv.Elem()
		}
		inner, f := sent(m.embedded, fv)
		if f == nil && m.pointer && inner == 0 {
			f = faultf("the embedded pointer would come back nil, since no field of the struct is sent; embed it by value")
		}
		if f != nil {
			return 0, f.below(step())
		}
		n += inner
	}
	return n, nil
}
