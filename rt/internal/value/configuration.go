package value

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
)

// A configuration is the hashed form of the constructor's arguments. Two clients share
// an object if their configurations are equal. Values that differ in Go differ in the
// configuration, with one exception: it omits zero arguments at the end and zero fields
// of structs, so that these can be added later. PROTOCOL.md has the rules.

// ConfigWriter makes the configuration of a message's arguments. [NewConfigWriter] makes it.
// Only one goroutine may use it at a time.
type ConfigWriter struct {
	at    int // start of the next item in the encoder's buffer
	args  bytes.Buffer
	used  int // number of arguments up to the last that is not zero
	end   int // end of that argument in args
	all   int // number of all arguments
	zeros map[*Plan]marshalledZero
	parts []ConfigPart
	texts textWalk
}

// marshalledZero is the encoding of the zero value of a type that makes its own
// encoding.
type marshalledZero struct {
	data []byte
	ok   bool // the zero value can be encoded
}

// NewConfigWriter returns a writer for a message whose first argument begins at at.
func NewConfigWriter(at int) *ConfigWriter { return &ConfigWriter{at: at} }

// Add adds an argument of type t, the last item of buf. It returns an error if the argument
// is malformed.
func (c *ConfigWriter) Add(t reflect.Type, buf []byte) error {
	if f := c.add(t, buf); f != nil {
		return f.in(t)
	}
	return nil
}

func (c *ConfigWriter) add(t reflect.Type, buf []byte) *fault {
	arg, _, zero, f := c.canonical(PlanOf(t), buf[c.at:])
	if f != nil {
		return f
	}
	c.all++
	if !zero {
		c.texts.argument(c.all, t, buf[c.at:])
	}
	c.at = len(buf)
	c.args.Write(arg)
	if !zero {
		c.used, c.end = c.all, c.args.Len()
		return c.addParts(t, arg)
	}
	return nil
}

// Finish returns the configuration of the arguments that were added.
func (c *ConfigWriter) Finish() Configuration {
	args := append(appendHead(nil, majorArray, uint64(c.used)), c.args.Bytes()[:c.end]...)
	return Configuration{args, c.parts, c.texts.found}
}

// canonical returns the configuration's form of the first item of b, which matches p,
// and the bytes after the item. It reports whether the item is the zero value of p's
// type.
func (c *ConfigWriter) canonical(p *Plan, b []byte) (item, rest []byte, zero bool, f *fault) {
	h, ok := readHead(b, 0)
	if !ok {
		return nil, nil, false, faultf("the item is cut short or malformed")
	}
	if h.isNull() {
		return b[:h.End], b[h.End:], true, nil
	}
	switch p.shape {
	case shapePointer: // a pointer that is not nil, whatever its element
		item, rest, _, f = c.canonical(p.elem, b)
		return item, rest, false, f
	case shapeSlice, shapeArray:
		return c.canonicalList(p, h, b)
	case shapeMap:
		return c.canonicalMap(p, h, b)
	case shapeStruct:
		return c.canonicalStruct(p, h, b)
	case shapeInterface:
		return c.canonicalHeld(h, b)
	}
	end, f := skip(b, 0, 0)
	if f != nil {
		return nil, nil, false, f
	}
	return b[:end], b[end:], c.isZeroItem(p, b[:end]), nil
}

// isZeroItem reports whether item, which is not null, is the zero value of p's type.
func (c *ConfigWriter) isZeroItem(p *Plan, item []byte) bool {
	switch p.shape {
	case shapeBool:
		return item[0] == itemFalse
	case shapeInt, shapeUint, shapeUintptr, shapeBigInt:
		return string(item) == "\x00"
	case shapeFloat32, shapeFloat64:
		return string(item) == "\xf9\x00\x00" // not -0
	case shapeComplex:
		return string(item) == "\x82\xf9\x00\x00\xf9\x00\x00"
	case shapeString:
		return string(item) == "\x60"
	case shapeByteArray:
		h, _ := readHead(item, 0)
		return len(bytes.TrimLeft(item[h.End:], "\x00")) == 0
	case shapeBinary, shapeText:
		h, _ := readHead(item, 0)
		zero := c.zeroOf(p)
		return zero.ok && bytes.Equal(zero.data, item[h.End:])
	}
	return false
}

// zeroOf returns the encoding of the zero value of p's type, which makes its own
// encoding.
func (c *ConfigWriter) zeroOf(p *Plan) (zero marshalledZero) {
	if zero, ok := c.zeros[p]; ok {
		return zero
	}
	if c.zeros == nil {
		c.zeros = make(map[*Plan]marshalledZero)
	}
	defer func() {
		if recover() != nil {
			zero = marshalledZero{}
		}
		c.zeros[p] = zero
	}()
	data, err := marshal(reflect.New(p.typ).Elem(), p.shape)
	return marshalledZero{bytes.Clone(data), err == nil}
}

func (c *ConfigWriter) canonicalList(p *Plan, h head, b []byte) (item, rest []byte, zero bool, f *fault) {
	item, rest = appendHead(nil, majorArray, h.Arg), b[h.End:]
	zero = p.shape == shapeArray
	for range h.Arg {
		elem, after, isZero, f := c.canonical(p.elem, rest)
		if f != nil {
			return nil, nil, false, f
		}
		item, rest, zero = append(item, elem...), after, zero && isZero
	}
	return item, rest, zero, nil
}

// configPair is an entry of a map, or a field of a struct.
type configPair struct {
	key, value []byte
	field      *field
	zero       bool
}

// appendPairs appends a map, in the bytewise order of its keys.
func appendPairs(item []byte, pairs []configPair) []byte {
	slices.SortFunc(pairs, func(x, y configPair) int { return bytes.Compare(x.key, y.key) })
	item = appendHead(item, majorMap, uint64(len(pairs)))
	for _, pair := range pairs {
		item = append(append(item, pair.key...), pair.value...)
	}
	return item
}

func (c *ConfigWriter) canonicalMap(p *Plan, h head, b []byte) (item, rest []byte, zero bool, f *fault) {
	pairs := make([]configPair, h.Arg)
	rest = b[h.End:]
	for i := range pairs {
		if pairs[i].key, rest, _, f = c.canonical(p.key, rest); f != nil {
			return nil, nil, false, f
		}
		if pairs[i].value, rest, _, f = c.canonical(p.elem, rest); f != nil {
			return nil, nil, false, f
		}
	}
	return appendPairs(nil, pairs), rest, false, nil
}

func (c *ConfigWriter) canonicalStruct(p *Plan, h head, b []byte) (item, rest []byte, zero bool, f *fault) {
	pairs := make([]configPair, h.Arg)
	rest = b[h.End:]
	sent := make(map[*field]bool)
	for i := range pairs {
		end, f := skip(rest, 0, 0)
		if f != nil {
			return nil, nil, false, f
		}
		pair := &pairs[i]
		pair.key, rest = rest[:end], rest[end:]
		if pair.field = p.fields.byKey[string(pair.key)]; pair.field == nil {
			return nil, nil, false, faultf("%s has no such field", p.typ)
		}
		sent[pair.field] = true
		if pair.value, rest, pair.zero, f = c.canonical(pair.field.plan, rest); f != nil {
			return nil, nil, false, f.below("." + pair.field.name)
		}
	}
	marks := make(map[*field]bool)
	markPointers(p.fields.members, sent, marks)
	pairs = slices.DeleteFunc(pairs, func(pair configPair) bool { return pair.zero && !marks[pair.field] })
	return appendPairs(nil, pairs), rest, len(pairs) == 0, nil
}

// markPointers marks the first sent field of each struct that is embedded by pointer.
// The mark keeps the field, zero or not, since it shows that the pointer is not nil.
func markPointers(members []member, sent, marks map[*field]bool) {
	for i := range members {
		m := &members[i]
		if m.field != nil {
			continue
		}
		if m.pointer {
			if first := firstSent(m.embedded, sent); first != nil {
				marks[first] = true
			}
		}
		markPointers(m.embedded, sent, marks)
	}
}

func firstSent(members []member, sent map[*field]bool) *field {
	for i := range members {
		m := &members[i]
		first := m.field
		if first == nil {
			first = firstSent(m.embedded, sent)
		}
		if first != nil && sent[first] {
			return first
		}
	}
	return nil
}

// canonicalHeld omits the hashes from the name of the type that an interface holds, so
// that fields can be added to the type.
func (c *ConfigWriter) canonicalHeld(h head, b []byte) (item, rest []byte, zero bool, f *fault) {
	name, end, f := readTypeName(b, h.End)
	if f != nil {
		return nil, nil, false, f
	}
	rest = b[end:]
	var value []byte
	if name == errorName {
		if end, f = skip(rest, 0, 0); f != nil {
			return nil, nil, false, f
		}
		value, rest = rest[:end], rest[end:]
	} else {
		k, f := knownBy(name, nil)
		if f != nil {
			return nil, nil, false, f
		}
		if value, rest, _, f = c.canonical(PlanOf(k.typ), rest); f != nil {
			return nil, nil, false, f.below(heldStep(k.typ))
		}
	}
	name = withoutHashes(name)
	item = append(appendHead(appendHead(nil, majorArray, 2), majorText, uint64(len(name))), name...)
	return append(item, value...), rest, false, nil
}

// withoutHashes removes the hashes from a type's name.
func withoutHashes(name string) string {
	before, after, ok := strings.Cut(name, "#")
	if !ok {
		return name
	}
	return before + withoutHashes(after[min(typeHash, len(after)):])
}
