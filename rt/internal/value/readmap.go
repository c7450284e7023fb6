package value

import (
	"fmt"
	"reflect"
)

// fields decodes a struct of n fields, at depth. A field may be absent only if omitempty or
// omitzero may have omitted it, or if it is promoted from a pointer that may have been nil.
func (r *Reader) fields(p *Plan, v reflect.Value, n, depth int) *fault {
	s := p.fields
	var few [2]uint64
	seen := few[:] // bits by place
	if len(s.sorted) > 64*len(few) {
		seen = make([]uint64, (len(s.sorted)+63)/64)
	}
	missing, next := s.required, 0
	for range n {
		fd, f := r.field(p, next)
		if f != nil {
			return f
		}
		next = fd.place + 1
		bit := uint64(1) << (fd.place % 64)
		if seen[fd.place/64]&bit != 0 {
			return faultf("the field is given twice").below(fd.path)
		}
		seen[fd.place/64] |= bit
		if !fd.optional {
			missing--
		}
		if fd.omitEmpty {
			if h, ok := readHead(r.b, r.at); ok && fd.plan.isEmpty(h) {
				return faultf("an empty value is not sent with omitempty").below(fd.path)
			}
		}
		fv := v
		if len(fd.index) == 1 {
			fv = v.Field(fd.index[0])
		} else {
			fv = madeField(v, fd.index)
		}
		if f := r.value(fd.plan, fv, depth); f != nil {
			return f.below(fd.path)
		}
	}
	if missing != 0 {
		return faultf("%d of the fields of %s are missing", missing, p.typ)
	}
	return nil
}

// field reads the name of a field. next is the place of the field that is expected.
func (r *Reader) field(p *Plan, next int) (*field, *fault) {
	s := p.fields
	for ; next < len(s.sorted); next++ {
		fd := s.sorted[next]
		if end := r.at + len(fd.key); end <= len(r.b) && string(r.b[r.at:end]) == fd.key {
			r.at = end
			return fd, nil
		}
		if !fd.optional {
			break
		}
	}
	// The fields have another order, or the names another form.
	begin := r.at
	h, ok := r.head()
	switch {
	case !ok:
		return nil, malformed()
	case h.Major == majorText:
		end, f := skipString(r.b, h)
		if f != nil {
			return nil, f
		}
		r.at = end
	case h.Major > majorNegative:
		return nil, faultf("a key that is no field's name")
	}
	fd := s.byKey[string(r.b[begin:r.at])]
	if fd == nil { // the head may be longer than necessary
		fd = s.byKey[string(append(appendHead(nil, h.Major, h.Arg), r.b[h.End:r.at]...))]
	}
	if fd == nil {
		return nil, faultf("%s has no field %s", p.typ, keyText(r.b[begin:r.at], h))
	}
	return fd, nil
}

// madeField returns the field of v at index. It allocates embedded structs on the path.
func madeField(v reflect.Value, index []int) reflect.Value {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// entries decodes a map of n entries, at depth.
func (r *Reader) entries(p *Plan, v reflect.Value, n, depth int) *fault {
	if p.fast == fastTexts {
		m := make(map[string]string, n)
		*v.Addr().Interface().(*map[string]string) = m
		return r.texts(p, m, n)
	}
	m := reflect.MakeMapWithSize(p.typ, n)
	v.Set(m)
	e := p.takeEntry()
	for i := range n {
		if p.calls {
			e = p.newEntry()
		} else if i > 0 {
			e.key.SetZero()
			e.elem.SetZero()
		}
		if f := r.value(p.key, e.key, depth); f != nil {
			return f.below(fmt.Sprintf("[key %d]", i))
		}
		if f := r.value(p.elem, e.elem, depth); f != nil {
			return f.below(keyStep(e.key))
		}
		if m.SetMapIndex(e.key, e.elem); m.Len() == i {
			return faultf("the key is there already").below(keyStep(e.key))
		}
	}
	p.giveEntry(e)
	return nil
}

// texts is entries for a map[string]string.
func (r *Reader) texts(p *Plan, m map[string]string, n int) *fault {
	var pair [2]string
	for i := range n {
		if f := r.strings(p.elem, pair[:1]); f != nil {
			return f.below(fmt.Sprintf("[key %d]", i))
		}
		if f := r.strings(p.elem, pair[1:]); f != nil {
			return f.below(keyStep(reflect.ValueOf(pair[0])))
		}
		if m[pair[0]] = pair[1]; len(m) == i {
			return faultf("the key is there already").below(keyStep(reflect.ValueOf(pair[0])))
		}
	}
	return nil
}
