package stub

import (
	"bytes"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// openReader decodes items that match a plan.
type openReader struct {
	receiver
	b []byte
}

// value decodes the item at r.b[at:], nested in depth arrays and maps, into v, which is
// addressable and zero. It returns the end of the item.
func (r *openReader) value(p *plan, v reflect.Value, at, depth int) (end int, f *fault) {
	if !p.own {
		return r.closed(p, v, at, depth)
	}
	h, _ := readHead(r.b, at)
	if h.isNull() {
		return h.end, nil
	}
	switch p.shape {
	case shapePointer:
		elem := reflect.New(p.elem.typ)
		end, f = r.value(p.elem, elem.Elem(), at, depth)
		v.Set(elem.Convert(p.typ))
		return end, f
	case shapeFloat32:
		// SetFloat takes a float64, and the conversion would change some NaNs.
		*v.Addr().Convert(reflect.TypeFor[*float32]()).Interface().(*float32), _ = h.float32()
		return h.end, nil
	case shapeFloat64:
		f, _ := h.float64()
		v.SetFloat(f)
		return h.end, nil
	case shapeBinary, shapeText:
		return r.marshalled(p, v, h)
	case shapeUintptr:
		v.SetUint(h.arg)
		return h.end, nil
	case shapeComplex:
		return r.complex(v, h)
	case shapeError:
		return r.error(v, at, depth)
	case shapeInterface:
		return r.held(p, v, h, depth+1)
	case shapeSlice:
		v.Set(reflect.MakeSlice(p.typ, int(h.arg), int(h.arg)))
		return r.elements(p, v, h, depth+1)
	case shapeArray:
		return r.elements(p, v, h, depth+1)
	case shapeMap:
		return r.entries(p, v, h, depth+1)
	}
	return r.fields(p, v, h, depth+1)
}

func (r *openReader) closed(p *plan, v reflect.Value, at, depth int) (end int, f *fault) {
	if n := decodeScalar(r.b[at:], v.Addr().Interface()); n > 0 {
		return at + n, nil
	}
	if end, f = p.match(r.b, at, depth, r.quota); f != nil {
		return 0, f
	}
	if err := decodeClosed(p, r.b[at:end], v.Addr().Interface()); err != nil {
		return 0, &fault{err: err}
	}
	return end, nil
}

// marshalled passes the content of a string to the Unmarshal method of v. The method
// may retain or change its argument, so it gets a copy.
func (r *openReader) marshalled(p *plan, v reflect.Value, h head) (end int, f *fault) {
	end, f = skipString(r.b, h)
	if f != nil {
		return 0, f
	}
	data := bytes.Clone(r.b[h.end:end])
	if p.shape == shapeText && !utf8.Valid(data) {
		return 0, &fault{err: errNotUTF8}
	}
	if err := unmarshal(v.Addr(), p.shape, data); err != nil {
		return 0, faultf("decoding %s: %w", p.typ, err)
	}
	return end, nil
}

// complex sets v without SetComplex, which takes a complex128: the conversion of a
// float32 changes some NaNs.
func (r *openReader) complex(v reflect.Value, h head) (end int, f *fault) {
	if v.Kind() == reflect.Complex64 {
		var parts [2]float32
		end, f = decodeParts(r.b, h.end, &parts)
		*v.Addr().Convert(reflect.TypeFor[*complex64]()).Interface().(*complex64) = complex(parts[0], parts[1])
		return end, f
	}
	var parts [2]float64
	end, f = decodeParts(r.b, h.end, &parts)
	v.SetComplex(complex(parts[0], parts[1]))
	return end, f
}

// decodeParts decodes the two floats at b[at:].
func decodeParts[T float32 | float64](b []byte, at int, parts *[2]T) (end int, f *fault) {
	for i := range parts {
		n := decodeScalar(b[at:], &parts[i])
		if n == 0 {
			return 0, faultf("a part of a complex number is no %T", parts[i])
		}
		at += n
	}
	return at, nil
}

// error sets v, an interface that can hold an error.
func (r *openReader) error(v reflect.Value, at, depth int) (end int, f *fault) {
	err, rest, fail := r.decodeError(r.b[at:], depth+1)
	switch {
	case fail != nil:
		return 0, &fault{err: fail}
	case err == nil:
		return 0, faultf("null is no error that an interface holds")
	case !reflect.TypeOf(err).Implements(v.Type()):
		return 0, faultf("an error comes back as %s, which is no %s", reflect.TypeOf(err), v.Type())
	}
	v.Set(reflect.ValueOf(err))
	return len(r.b) - len(rest), nil
}

func (r *openReader) held(p *plan, v reflect.Value, h head, depth int) (end int, f *fault) {
	name, end, f := readTypeName(r.b, h.end)
	if f != nil {
		return 0, f
	}
	if name == errorName {
		return r.error(v, end, depth)
	}
	k, f := knownBy(name, r.quota)
	if f != nil {
		return 0, f
	}
	q, f := k.planIn(p)
	if f != nil {
		return 0, f
	}
	value := reflect.New(k.typ).Elem()
	if end, f = r.value(q, value, end, depth); f != nil {
		return 0, f.below(heldStep(k.typ))
	}
	v.Set(value)
	return end, nil
}

func (r *openReader) elements(p *plan, v reflect.Value, h head, depth int) (end int, f *fault) {
	end = h.end
	for i := range v.Len() {
		if end, f = r.value(p.elem, v.Index(i), end, depth); f != nil {
			return 0, f.below(indexStep(i))
		}
	}
	return end, nil
}

func (r *openReader) entries(p *plan, v reflect.Value, h head, depth int) (end int, f *fault) {
	v.Set(reflect.MakeMapWithSize(p.typ, int(h.arg)))
	end = h.end
	key, elem := reflect.New(p.key.typ).Elem(), reflect.New(p.elem.typ).Elem()
	for i := range int(h.arg) {
		key.SetZero()
		elem.SetZero()
		if end, f = r.value(p.key, key, end, depth); f != nil {
			return 0, f.below(fmt.Sprintf("[key %d]", i))
		}
		if end, f = r.value(p.elem, elem, end, depth); f != nil {
			return 0, f.below(keyStep(key))
		}
		if v.SetMapIndex(key, elem); v.Len() == i {
			return 0, faultf("the key is there already").below(keyStep(key))
		}
	}
	return end, nil
}

func (r *openReader) fields(p *plan, v reflect.Value, h head, depth int) (end int, f *fault) {
	seen := make(map[*field]bool)
	end = h.end
	for range int(h.arg) {
		at := end
		if end, f = skip(r.b, at, depth); f != nil {
			return 0, f
		}
		fd := p.fields.byKey[string(r.b[at:end])]
		if seen[fd] {
			return 0, faultf("the field is given twice").below("." + fd.name)
		}
		seen[fd] = true
		if end, f = r.value(fd.plan, fieldAt(v, fd.index), end, depth); f != nil {
			return 0, f.below("." + fd.name)
		}
	}
	return end, nil
}

// fieldAt returns the field of v at index. It allocates embedded structs on the path.
func fieldAt(v reflect.Value, index []int) reflect.Value {
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
