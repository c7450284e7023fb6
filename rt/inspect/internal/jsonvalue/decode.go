package jsonvalue

import (
	"cmp"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

// decoder prints the CBOR b from the offset at.
type decoder struct {
	*Codec
	b   []byte
	at  int
	out []byte
}

var errCut = errors.New("the value is cut short")

func (d *decoder) write(text string) { d.out = append(d.out, text...) }

// head reads the head of the next item.
func (d *decoder) head() (wire.Head, error) {
	h, ok := wire.ReadHead(d.b, d.at)
	if !ok {
		return h, errCut
	}
	d.at = h.End
	return h, nil
}

// skipNull reads the next item if it is null.
func (d *decoder) skipNull() bool {
	if d.at >= len(d.b) || d.b[d.at] != itemNull {
		return false
	}
	d.at++
	d.write("null")
	return true
}

// take reads the bytes of a text or a byte string.
func (d *decoder) take(h wire.Head) ([]byte, error) {
	if h.Arg > uint64(len(d.b)-d.at) {
		return nil, errCut
	}
	start := d.at
	d.at += int(h.Arg)
	return d.b[start:d.at], nil
}

// text prints a text.
func (d *decoder) text(h wire.Head) error {
	data, err := d.take(h)
	if err == nil && !utf8.Valid(data) {
		err = errors.New("a text is not UTF-8")
	}
	d.out = appendString(d.out, string(data))
	return err
}

// count returns the number of elements of an array or a map. Each has a byte or more.
func (d *decoder) count(h wire.Head) (int, error) {
	switch {
	case h.Arg > wire.MaxElements:
		return 0, fmt.Errorf("%d elements are more than %d", h.Arg, wire.MaxElements)
	case h.Arg > uint64(len(d.b)-d.at):
		return 0, errCut
	}
	return int(h.Arg), nil
}

// majors name the items of CBOR.
var majors = [...]string{"an integer", "a negative integer", "bytes", "a text", "an array", "a map", "a tag", "a simple value"}

func (d *decoder) mismatch(h wire.Head, want string) error {
	return fmt.Errorf("the daemon's value is %s and not a %.60s", majors[h.Major&7], want)
}

// value prints the next item, of the type at p.
func (d *decoder) value(p place) error {
	p, err := p.resolve()
	if err != nil {
		return err
	}
	switch t := p.t; {
	case t.Kind == schema.Word:
		return d.word(p)
	case t.Kind == schema.Struct:
		return d.structure(p)
	case t.Kind == schema.Map:
		return d.entries(p)
	case t.Kind == schema.Prefix && t.Name == "*":
		if d.skipNull() {
			return nil
		}
		return d.value(p.part(t.Elem, false))
	case t.Kind == schema.Prefix && t.Name[0] == '[':
		return d.list(p)
	}
	return fmt.Errorf("%v is no type of a value", p.t)
}

// list prints a slice or an array.
func (d *decoder) list(p place) error {
	want, err := length(p.t)
	if err != nil || want < 0 && d.skipNull() {
		return err
	}
	h, err := d.head()
	switch {
	case err != nil:
		return err
	case want >= 0 && h.Arg != uint64(want):
		return d.mismatch(h, p.t.Name)
	case p.isBytes() && h.Major == wire.MajorBytes:
		return d.bytes(h)
	case p.isBytes(), h.Major != wire.MajorArray:
		return d.mismatch(h, p.t.Name)
	}
	n, err := d.count(h)
	if err != nil {
		return err
	}
	d.write("[")
	for i := range n {
		if i > 0 {
			d.write(",")
		}
		if err := d.value(p.part(p.t.Elem, true)); err != nil {
			return below(fmt.Sprintf("[%d]", i), err)
		}
	}
	d.write("]")
	return nil
}

// isName reports whether the keys at p are names of an object.
func (c *Codec) isName(p place) bool {
	p, err := p.resolve()
	return err == nil && p.t.Kind == schema.Word && (p.t.Name == "string" || isInteger(p.t.Name) || c.Types[p.t.Name] == encodedText)
}

// entries prints a map.
func (d *decoder) entries(p place) error {
	if d.skipNull() {
		return nil
	}
	h, err := d.head()
	if err != nil || h.Major != wire.MajorMap {
		return cmp.Or(err, d.mismatch(h, "map"))
	}
	n, err := d.count(h)
	if err != nil {
		return err
	}
	object := d.isName(p.part(p.t.Key, true))
	begin, between, end := "[", ",", "]"
	if object {
		begin, between, end = "{", ":", "}"
	}
	d.write(begin)
	for i := range n {
		if i > 0 {
			d.write(",")
		}
		if !object {
			d.write("[")
		}
		start := len(d.out)
		if err := d.value(p.part(p.t.Key, true)); err != nil {
			return below(fmt.Sprintf("[key %d]", i), err)
		}
		if object && d.out[start] != '"' {
			name := string(d.out[start:])
			d.out = appendString(d.out[:start], name)
		}
		d.write(between)
		if err := d.value(p.part(p.t.Elem, true)); err != nil {
			return below(fmt.Sprintf("[%d]", i), err)
		}
		if !object {
			d.write("]")
		}
	}
	d.write(end)
	return nil
}

// structure prints a struct, with its fields in the order of the type.
func (d *decoder) structure(p place) error {
	h, err := d.head()
	if err != nil || h.Major != wire.MajorMap {
		return cmp.Or(err, d.mismatch(h, p.name()))
	}
	n, err := d.count(h)
	if err != nil {
		return err
	}
	places := make(map[string]int, len(p.t.Fields))
	for i, f := range p.t.Fields {
		name, isInt := fieldName(f.Name)
		places[fmt.Sprint(isInt, name)] = i
	}
	values := make([][]byte, len(p.t.Fields))
	for range n {
		key := decoder{Codec: d.Codec, b: d.b, at: d.at}
		h, err := key.head()
		if err != nil {
			return err
		}
		isInt := h.Major != wire.MajorText
		name := ""
		if isInt {
			err = key.integer(h, "int64")
			name = string(key.out)
		} else {
			var text []byte
			text, err = key.take(h)
			name = string(text)
		}
		i, ok := places[fmt.Sprint(isInt, name)]
		if err != nil || !ok || values[i] != nil {
			return cmp.Or(err, fmt.Errorf("the daemon's value has a field %q, which %s has not, or twice", name, p.name()))
		}
		value := decoder{Codec: d.Codec, b: d.b, at: key.at}
		if err := value.value(p.part(p.t.Fields[i].Type, true)); err != nil {
			return below("."+name, err)
		}
		d.at, values[i] = value.at, value.out
	}
	d.write("{")
	first := true
	for i, f := range p.t.Fields {
		if values[i] == nil {
			continue // left out because it is empty
		}
		if !first {
			d.write(",")
		}
		first = false
		name, _ := fieldName(f.Name)
		d.out = append(append(appendString(d.out, name), ':'), values[i]...)
	}
	d.write("}")
	return nil
}
