package jsonvalue

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

const itemNull = 0xf6

// encoder appends CBOR to b.
type encoder struct {
	*Codec
	b []byte
}

var errTooLarge = fmt.Errorf("the value has more than %d bytes", wire.MaxFrame)

// head appends the head of an item, in its shortest form.
func (e *encoder) head(major byte, arg uint64) {
	switch m := major << 5; {
	case arg < 24:
		e.b = append(e.b, m|byte(arg))
	case arg < 1<<8:
		e.b = append(e.b, m|24, byte(arg))
	case arg < 1<<16:
		e.b = binary.BigEndian.AppendUint16(append(e.b, m|25), uint16(arg))
	case arg < 1<<32:
		e.b = binary.BigEndian.AppendUint32(append(e.b, m|26), uint32(arg))
	default:
		e.b = binary.BigEndian.AppendUint64(append(e.b, m|27), arg)
	}
}

// text appends a text, and bytes a byte string.
func (e *encoder) text(s string) error {
	e.head(wire.MajorText, uint64(len(s)))
	e.b = append(e.b, s...)
	return nil
}

func (e *encoder) bytes(s []byte) error {
	e.head(wire.MajorBytes, uint64(len(s)))
	e.b = append(e.b, s...)
	return nil
}

func (e *encoder) null() error {
	e.b = append(e.b, itemNull)
	return nil
}

// value appends the value that n describes, or the zero value if n is nil.
func (e *encoder) value(p place, n *node) error {
	p, err := p.resolve()
	switch {
	case err != nil:
		return err
	case len(e.b) > wire.MaxFrame:
		return errTooLarge
	}
	isNull := n == nil || n.kind == 'n'
	switch t := p.t; {
	case t.Kind == schema.Word:
		return e.word(p, n)
	case t.Kind == schema.Struct:
		return e.structure(p, n)
	case t.Kind == schema.Map && isNull:
		return e.null()
	case t.Kind == schema.Map:
		return e.entries(p, n)
	case t.Kind != schema.Prefix:
	case t.Name == "*" && isNull, t.Name == "[]" && isNull:
		return e.null()
	case t.Name == "*":
		return e.value(p.part(t.Elem, false), n)
	case strings.HasPrefix(t.Name, "["):
		return e.list(p, n)
	}
	return fmt.Errorf("%v is no type of a value", p.t)
}

// length returns the length of an array type, -1 for a slice.
func length(t *schema.Type) (int, error) {
	if t.Name == "[]" {
		return -1, nil
	}
	n, err := strconv.Atoi(strings.Trim(t.Name, "[]"))
	if err != nil || n > wire.MaxFrame {
		return 0, fmt.Errorf("an array %s is too large", t.Name)
	}
	return n, nil
}

// list appends a slice or an array.
func (e *encoder) list(p place, n *node) error {
	want, err := length(p.t)
	if err != nil {
		return err
	}
	if p.isBytes() {
		data := make([]byte, max(want, 0))
		if n != nil {
			if data, err = bytesOf(n); err != nil {
				return err
			}
		}
		if want >= 0 && len(data) != want {
			return fmt.Errorf("%d bytes do not fit %v", len(data), p.t)
		}
		return e.bytes(data)
	}
	count := want
	if n != nil {
		if n.kind != '[' {
			return fmt.Errorf("%s is no %v: give an array", n.what(), p.t)
		}
		count = len(n.elems)
	}
	switch {
	case want >= 0 && count != want:
		return fmt.Errorf("%d elements do not fit %v", count, p.t)
	case count > wire.MaxElements:
		return fmt.Errorf("%d elements are more than %d", count, wire.MaxElements)
	}
	e.head(wire.MajorArray, uint64(count))
	for i := range count {
		var elem *node
		if n != nil {
			elem = n.elems[i]
		}
		if err := e.value(p.part(p.t.Elem, true), elem); err != nil {
			return below(fmt.Sprintf("[%d]", i), err)
		}
	}
	return nil
}

// bytesOf returns the bytes that n describes.
func bytesOf(n *node) ([]byte, error) {
	if s := n.only("$hex"); s != nil && s.kind == '"' {
		return hex.DecodeString(s.text)
	}
	if s := n.only("$text"); s != nil && s.kind == '"' {
		return []byte(s.text), nil
	}
	if n.kind != '"' {
		return nil, fmt.Errorf(`%s is no bytes: give base64, {"$hex": "…"} or {"$text": "…"}`, n.what())
	}
	data, err := base64.StdEncoding.Strict().DecodeString(n.text)
	if err != nil || strings.ContainsAny(n.text, "\r\n") {
		return nil, fmt.Errorf(`%s is no base64: give base64, {"$hex": "…"} or {"$text": "…"}`, n.what())
	}
	return data, nil
}

// pair is a field or an entry of a map, encoded.
type pair struct{ key, value []byte }

// pairs appends a map. Its keys are in the bytewise order of their encodings.
func (e *encoder) pairs(list []pair) error {
	if len(list) > wire.MaxElements {
		return fmt.Errorf("%d entries are more than %d", len(list), wire.MaxElements)
	}
	slices.SortFunc(list, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
	e.head(wire.MajorMap, uint64(len(list)))
	for i, p := range list {
		if i > 0 && bytes.Equal(list[i-1].key, p.key) {
			return errors.New("a key is there twice")
		}
		e.b = append(append(e.b, p.key...), p.value...)
	}
	return nil
}

// apart returns what write appends.
func (e *encoder) apart(write func(*encoder) error) ([]byte, error) {
	other := encoder{Codec: e.Codec}
	err := write(&other)
	return other.b, err
}

// entries appends a map that is not nil.
func (e *encoder) entries(p place, n *node) error {
	if n.kind != '{' && n.kind != '[' {
		return fmt.Errorf("%s is no %v: give an object", n.what(), p.t)
	}
	keyPlace, valuePlace := p.part(p.t.Key, true), p.part(p.t.Elem, true)
	list := make([]pair, len(n.elems))
	size := 0
	for i, elem := range n.elems {
		var key *node
		if n.kind == '{' {
			key = e.keyNode(keyPlace, n.names[i])
		} else {
			if elem.kind != '[' || len(elem.elems) != 2 {
				return below(fmt.Sprintf("[%d]", i), fmt.Errorf("%s is no array of a key and a value", elem.what()))
			}
			key, elem = elem.elems[0], elem.elems[1]
		}
		var err error
		if list[i].key, err = e.apart(func(e *encoder) error { return e.value(keyPlace, key) }); err != nil {
			return below(fmt.Sprintf("[key %d]", i), err)
		}
		if list[i].value, err = e.apart(func(e *encoder) error { return e.value(valuePlace, elem) }); err != nil {
			return below(fmt.Sprintf("[%d]", i), err)
		}
		if size += len(list[i].key) + len(list[i].value); size > wire.MaxFrame {
			return errTooLarge
		}
	}
	return e.pairs(list)
}

// keyNode returns the key that is a name of an object.
func (e *encoder) keyNode(p place, name string) *node {
	if p, err := p.resolve(); err == nil && p.t.Kind == schema.Word && isInteger(p.t.Name) && p.t.Name != "time.Duration" {
		return &node{text: name}
	}
	return &node{kind: '"', text: name}
}

// fieldName returns the name of a field in JSON, and whether it is an integer in CBOR.
func fieldName(name string) (text string, isInt bool) {
	if text, err := strconv.Unquote(name); err == nil && utf8.ValidString(text) {
		return text, false
	}
	_, err := strconv.ParseInt(name, 10, 64)
	return name, err == nil
}

// structure appends a struct. Fields that n does not have are zero.
func (e *encoder) structure(p place, n *node) error {
	var list []pair
	given := make(map[string]*node)
	if n != nil {
		if n.kind != '{' {
			return fmt.Errorf("%s is no %s: give an object with %s", n.what(), p.name(), fieldList(p.t))
		}
		for i, name := range n.names {
			given[name] = n.elems[i]
		}
	}
	for _, f := range p.t.Fields {
		name, isInt := fieldName(f.Name)
		elem := given[name]
		delete(given, name)
		presence := e.presence(p, name)
		if elem == nil && presence != "" {
			continue
		}
		value, err := e.apart(func(e *encoder) error { return e.value(p.part(f.Type, true), elem) })
		if err != nil {
			return below("."+name, err)
		}
		if presence == omitEmpty && isEmpty(p.part(f.Type, true), value) {
			continue
		}
		key, _ := e.apart(func(e *encoder) error {
			if !isInt {
				return e.text(name)
			}
			return e.integer(&node{text: name}, 64, true)
		})
		list = append(list, pair{key, value})
	}
	for name := range given { // one of them
		return fmt.Errorf("%s has no field %q; it has %s", p.name(), name, fieldList(p.t))
	}
	return e.pairs(list)
}

// fieldList lists the fields of a struct.
func fieldList(t *schema.Type) string {
	var names []string
	for _, f := range t.Fields {
		name, _ := fieldName(f.Name)
		names = append(names, name)
	}
	if len(names) == 0 {
		return "no fields"
	}
	return strings.Join(names, ", ")
}

// isEmpty reports whether omitempty leaves out an item of the type at p.
func isEmpty(p place, item []byte) bool {
	p, err := p.resolve()
	h, _ := wire.ReadHead(item, 0)
	isNull := h.Major == wire.MajorOther && h.Info == 22
	switch name := p.t.Name; {
	case err != nil, p.t.Kind == schema.Struct, p.t.Kind == schema.Word && (name == "time.Time" || name == "math/big.Int"):
		return false
	case p.t.Kind == schema.Word && (name == "complex64" || name == "complex128"):
		return len(item) == 7 && item[2]&0x7f|item[3]|item[5]&0x7f|item[6] == 0 // two floats of 2 bytes
	case p.t.Kind == schema.Prefix && name == "*", h.Major == wire.MajorArray && p.t.Kind == schema.Word:
		return isNull
	case h.Major == wire.MajorOther:
		return isNull || h.Info == 20 || h.Info == 25 && h.Arg&0x7fff == 0 // false, 0.0 and -0.0
	}
	return h.Major != wire.MajorNegative && h.Arg == 0
}
