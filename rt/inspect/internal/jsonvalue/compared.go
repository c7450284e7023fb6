package jsonvalue

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

var errChanges = errors.New("the daemon's differences do not fit the argument")

// Apply returns the argument of type t, a slice or a pointer, as the method has left it. arg
// is the argument that was sent, and changes its differences in the daemon's reply: see
// "compared" in PROTOCOL.md. It also returns the bytes after changes.
func (c *Codec) Apply(t *schema.Type, arg, changes []byte) (changed, rest []byte, err error) {
	d := decoder{Codec: c, b: changes}
	if d.skipNull() {
		return arg, changes[d.at:], nil
	}
	h, err := d.head()
	if err != nil || h.Major != wire.MajorBytes {
		return nil, nil, cmp.Or(err, errChanges)
	}
	runs, err := d.take(h)
	if err != nil {
		return nil, nil, err
	}
	a := applier{decoder: decoder{Codec: c, b: arg}, runs: runs, encoder: encoder{Codec: c}}
	if err := a.next(); err != nil {
		return nil, nil, err
	}
	if err := a.value(place{t: t}); err != nil {
		return nil, nil, err
	}
	if a.differ > 0 || len(a.runs) > 0 {
		return nil, nil, errChanges
	}
	return a.encoder.b, changes[d.at:], nil
}

// applier copies an argument leaf by leaf, and takes the leaves that differ from runs.
type applier struct {
	decoder
	encoder      encoder
	runs         []byte
	same, differ uint64 // leaves until the end of the run
}

// next begins the next run of leaves.
func (a *applier) next() error {
	if len(a.runs) == 0 {
		a.same, a.differ = math.MaxUint64, 0
		return nil
	}
	same, n := binary.Uvarint(a.runs)
	if n <= 0 {
		return errChanges
	}
	differ, m := binary.Uvarint(a.runs[n:])
	if m <= 0 || differ == 0 {
		return errChanges
	}
	a.same, a.differ, a.runs = same, differ, a.runs[n+m:]
	return nil
}

// leaf returns the next leaf, of that many bytes, if it differs.
func (a *applier) leaf(size int) (bits uint64, differs bool, err error) {
	if a.same > 0 {
		if a.same != math.MaxUint64 {
			a.same--
		}
		return 0, false, nil
	}
	if len(a.runs) < size {
		return 0, false, errChanges
	}
	for _, b := range a.runs[:size] {
		bits = bits<<8 | uint64(b)
	}
	a.runs = a.runs[size:]
	if a.differ--; a.differ == 0 {
		err = a.next()
	}
	return bits, true, err
}

// value copies the next item, of the type at p.
func (a *applier) value(p place) error {
	p, err := p.resolve()
	if err != nil {
		return err
	}
	start := a.at
	h, err := a.head()
	if err != nil {
		return err
	}
	switch t := p.t; {
	case t.Kind == schema.Word && strings.HasPrefix(t.Name, "complex") && h.Major == wire.MajorArray && h.Arg == 2:
		a.encoder.head(wire.MajorArray, 2)
		for range 2 {
			if err := a.value(p.part(schema.NewWord(fmt.Sprintf("float%d", bits[t.Name])), true)); err != nil {
				return err
			}
		}
		return nil
	case t.Kind == schema.Word:
		return a.number(t.Name, start)
	case h.Major == wire.MajorOther && h.Info == 22:
		return a.encoder.null()
	case t.Kind == schema.Prefix && t.Name == "*":
		a.at = start
		return a.value(p.part(t.Elem, false))
	case t.Kind == schema.Prefix && h.Major == wire.MajorBytes:
		return a.bytes(h)
	case t.Kind == schema.Prefix && h.Major == wire.MajorArray:
		a.encoder.head(wire.MajorArray, h.Arg)
		for range h.Arg {
			if err := a.value(p.part(t.Elem, true)); err != nil {
				return err
			}
		}
		return nil
	case t.Kind == schema.Struct && h.Major == wire.MajorMap:
		return a.fields(p, int(min(h.Arg, wire.MaxElements)))
	}
	return errChanges
}

// bytes copies a byte string, whose bytes are leaves.
func (a *applier) bytes(h wire.Head) error {
	data, err := a.take(h)
	if err != nil {
		return err
	}
	a.encoder.head(wire.MajorBytes, h.Arg)
	for _, b := range data {
		bits, differs, err := a.leaf(1)
		if err != nil {
			return err
		}
		if differs {
			b = byte(bits)
		}
		a.encoder.b = append(a.encoder.b, b)
	}
	return nil
}

// fields copies a struct. Its leaves are in the order of the type, its items in that of the
// encodings of the names. A field that omitempty left out is a leaf as well.
func (a *applier) fields(p place, n int) error {
	values := make(map[string]int) // places in the argument
	for range n {
		key := decoder{Codec: a.Codec, b: a.b, at: a.at}
		if err := key.plain(0); err != nil {
			return err
		}
		values[string(key.out)] = key.at
		value := decoder{Codec: a.Codec, b: a.b, at: key.at}
		if err := value.plain(0); err != nil {
			return err
		}
		a.at = value.at
	}
	end := a.at
	var list []pair
	for _, f := range p.t.Fields {
		name, isInt := fieldName(f.Name)
		text := name
		if !isInt {
			text = string(appendString(nil, name))
		}
		key, err := a.encoder.apart(func(e *encoder) error { return e.plain(keyOf(name, isInt), 0) })
		if err != nil {
			return err
		}
		part := applier{decoder: a.decoder, encoder: encoder{Codec: a.Codec}, runs: a.runs, same: a.same, differ: a.differ}
		at, given := values[text]
		part.at = at
		if !given {
			if part.b, err = part.encoder.apart(func(e *encoder) error { return e.value(p.part(f.Type, true), nil) }); err != nil {
				return err
			}
		}
		if err := part.value(p.part(f.Type, true)); err != nil {
			return err
		}
		a.runs, a.same, a.differ = part.runs, part.same, part.differ
		presence := a.presence(p, name)
		if !given && presence != "" && isZero(part.b, part.encoder.b) || presence == omitEmpty && isEmpty(p.part(f.Type, true), part.encoder.b) {
			continue
		}
		list = append(list, pair{key, part.encoder.b})
	}
	a.at = end
	return a.encoder.pairs(list)
}

// keyOf returns the name of a field as a node.
func keyOf(name string, isInt bool) *node {
	if isInt {
		return &node{text: name}
	}
	return &node{kind: '"', text: name}
}

// isZero reports whether a value that was left out has not changed.
func isZero(zero, value []byte) bool { return string(zero) == string(value) }

// number copies a bool or a number, which begins at start.
func (a *applier) number(name string, start int) error {
	size := bits[name] / 8
	if name == "bool" {
		size = 1
	}
	if size == 0 {
		return errChanges
	}
	value, differs, err := a.leaf(size)
	switch {
	case err != nil:
		return err
	case !differs:
		a.encoder.b = append(a.encoder.b, a.b[start:a.at]...)
		return nil
	case name == "bool" && value > 1:
		return errChanges
	case name == "bool":
		a.encoder.head(wire.MajorOther, 20+value)
	case strings.HasPrefix(name, "u"):
		a.encoder.head(wire.MajorUint, value)
	case name == "float32" || name == "float64":
		return a.encoder.floatBits(value, size)
	default:
		signed := int64(value) << (64 - 8*size) >> (64 - 8*size)
		if signed < 0 {
			a.encoder.head(wire.MajorNegative, uint64(^signed))
		} else {
			a.encoder.head(wire.MajorUint, uint64(signed))
		}
	}
	return nil
}

// floatBits appends the float with these bits, of that many bytes.
func (e *encoder) floatBits(value uint64, size int) error {
	var item []byte
	var err error
	if size == 4 {
		item, err = wire.Marshal(math.Float32frombits(uint32(value)))
	} else {
		item, err = wire.Marshal(math.Float64frombits(value))
	}
	e.b = append(e.b, item...)
	return err
}
