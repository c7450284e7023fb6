package value

import (
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// held appends v, the value in an interface of plan p, at depth.
func (w *Writer) held(p *Plan, v reflect.Value, depth int) *fault {
	if depth > wire.MaxNesting {
		return tooDeep()
	}
	w.b = appendHead(w.b, majorArray, 2)
	if w.holdsError(v) {
		if p.inKey {
			return faultf("an error of type %s in a map's key cannot be sent, since == compares what does not travel; use its text", v.Type())
		}
		if f := w.text(errorName); f != nil {
			return f
		}
		return w.error(v.Interface().(error), depth)
	}
	k, f := knownOf(v.Type())
	if f != nil {
		return f
	}
	q, f := k.planIn(p)
	if name := k.name; f == nil {
		if w.config != nil { // so that fields can be added to the type
			name = withoutHashes(name)
		}
		f = w.text(name)
	}
	if f == nil {
		// A value in an interface has no address.
		f = w.value(q, reflect.ValueOf(copyOf(v)).Elem(), depth)
	}
	if f != nil {
		return f.below(heldStep(v.Type()))
	}
	return nil
}

// holdsError reports whether v, a value in an interface, is sent as an error. It is if
// it keeps its identity as an error, or if its type is known only as an error type.
func (w *Writer) holdsError(v reflect.Value) bool {
	err, ok := v.Interface().(error)
	if !ok {
		return false
	}
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if _, ok := w.errors.sentinel(err); ok || w.errors.typeNames[t] != "" {
		return true
	}
	_, f := knownOf(v.Type())
	return f != nil
}

// held decodes the value in an interface, after the head of its array, at depth.
func (r *Reader) held(p *Plan, v reflect.Value, depth int) *fault {
	name, f := r.typeName()
	if f != nil {
		return f
	}
	if name == errorName && !p.inKey {
		return r.error(v, depth)
	}
	k, f := knownBy(name, r.quota)
	if f != nil {
		return f
	}
	q, f := k.planIn(p)
	if f == nil {
		value := reflect.New(k.typ).Elem()
		if f = r.value(q, value, depth); f == nil {
			v.Set(value)
			return nil
		}
	}
	return f.below(heldStep(k.typ))
}

// typeName reads the name of a type.
func (r *Reader) typeName() (string, *fault) {
	h, ok := r.head()
	if !ok || h.Major != majorText || h.Arg > maxTypeName {
		return "", faultf("the name of a type is no text of at most %d bytes", maxTypeName)
	}
	end, f := skipString(r.b, h)
	if f != nil {
		return "", f
	}
	r.at = end
	return string(r.b[h.End:end]), nil
}
