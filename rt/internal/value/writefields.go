package value

import (
	"reflect"
	"slices"
)

// fields appends a struct at depth.
func (w *Writer) fields(s *fieldSet, v reflect.Value, depth int) *fault {
	if len(s.pointers) > 0 {
		if f := s.checkPointers(v); f != nil {
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
		if w.config != nil && w.config.omits(s, fd, v, fv) {
			n--
			continue
		}
		w.b = append(w.b, fd.key...)
		begin := len(w.b)
		if f := w.value(fd.plan, fv, depth); f != nil {
			return f.below(fd.path)
		}
		if w.config != nil && w.config.fields && depth == 1 {
			w.config.addPart(fd.name, w.b[begin:])
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

// checkPointers returns a fault if no field is sent of a struct that is embedded by pointer:
// the struct would come back nil.
func (s *fieldSet) checkPointers(v reflect.Value) *fault {
	for _, e := range s.pointers {
		if p := promotedField(v, e.index); !p.IsValid() || p.IsNil() {
			continue
		}
		sent := false
		for _, fd := range e.fields {
			fv := promotedField(v, fd.index)
			if !fv.IsValid() || sent {
				continue
			}
			omitted, f := fd.omitted(fv)
			if f != nil {
				return f.below(fd.path)
			}
			sent = !omitted
		}
		if !sent {
			return faultf("the embedded pointer would come back nil, since no field of the struct is sent; embed it by value").below(e.path)
		}
	}
	return nil
}
