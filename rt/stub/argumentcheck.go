package stub

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// With LOOPGEN_CHECK=1 the daemon finds changes that a method makes to its arguments and
// that stay in the daemon: those of memory that is not compared and not copied back. It
// decodes such an argument twice and encodes both values after the call.

// watch has the arguments of one call that are compared after the call.
type watch struct {
	args []func() string // each describes a change of one argument, or returns ""
}

// Watch makes Changed report changes of arguments. Call it after Reset and before the
// first argument is decoded.
func (d *Decoder) Watch() { d.watch = new(watch) }

// Changed describes the first argument that the method has changed although no change of
// it is copied back: its number, its type and the path of the change. It returns "" if
// there is none, or if Watch was not called. It reads all that the argument points to, so
// nothing may change that at the same time.
func (d *Decoder) Changed() string {
	if d.watch == nil {
		return ""
	}
	for _, changed := range d.watch.args {
		if text := changed(); text != "" {
			return text
		}
	}
	return ""
}

// add compares the argument that was decoded last after the call, unless its changes are
// to stay in the daemon. message begins with its encoding.
func (w *watch) add(run *Run, message []byte, a argument) {
	d, place := run.Args, run.place-1
	if d.err != nil || d.next > d.count || slices.Contains(run.method.In, place) {
		return
	}
	after := a.value()
	before, plan := reflect.New(after.Type()).Elem(), value.PlanOf(after.Type())
	if _, err := d.reader.Read(message, plan, before); err != nil {
		return
	}
	w.args = append(w.args, func() string {
		if !differs(before, after) {
			return ""
		}
		text := fmt.Sprintf("argument %d (%v)", place+1, after.Type())
		if path := difference(before, after, 0); path != "" {
			text += " at " + path
		}
		return text
	})
}

// differs reports whether two values have different encodings. It returns false if the
// encoding of a value is not always the same.
func differs(before, after reflect.Value) bool {
	encode := func(v reflect.Value) []byte {
		e := NewEncoder(nil, 4*value.MaxBuffer)
		e.append(v)
		body, err := e.Finish()
		if err != nil {
			return nil
		}
		return body
	}
	was := encode(before)
	return was != nil && bytes.Equal(was, encode(before)) && !bytes.Equal(was, encode(after))
}

// maxPath limits the depth of difference. A method may have made a cycle.
const maxPath = 100

// difference returns the path to the first difference of two values of one type, or "" if
// the values differ as a whole.
func difference(a, b reflect.Value, depth int) string {
	if depth++; depth > maxPath {
		return ""
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !a.IsNil() && !b.IsNil() && a.Elem().Type() == b.Elem().Type() {
			return difference(a.Elem(), b.Elem(), depth)
		}
	case reflect.Slice, reflect.Array:
		for i := range min(a.Len(), b.Len()) {
			if !same(a.Index(i), b.Index(i)) {
				return fmt.Sprintf("[%d]%s", i, difference(a.Index(i), b.Index(i), depth))
			}
		}
		if a.Len() != b.Len() {
			return fmt.Sprintf("[%d]", min(a.Len(), b.Len()))
		}
	case reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.IsExported() && !same(a.Field(i), b.Field(i)) {
				return "." + f.Name + difference(a.Field(i), b.Field(i), depth)
			}
		}
	case reflect.Map:
		return mapDifference(a, b, depth)
	}
	return ""
}

// mapDifference is difference for maps. Of several entries that differ it takes the one
// whose key is first as text.
func mapDifference(a, b reflect.Value, depth int) string {
	found, key := "", reflect.Value{}
	for _, m := range []reflect.Value{a, b} {
		for k := range m.Seq() {
			x, y := a.MapIndex(k), b.MapIndex(k)
			if x.IsValid() && y.IsValid() && same(x, y) {
				continue
			}
			if text := fmt.Sprintf("[%#v]", k); found == "" || text < found {
				found, key = text, k
			}
		}
	}
	if !key.IsValid() {
		return ""
	}
	if x, y := a.MapIndex(key), b.MapIndex(key); x.IsValid() && y.IsValid() {
		found += difference(x, y, depth)
	}
	return found
}

// same reports whether two values that can be read are equal at every depth.
func same(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }
