package value

import (
	"bytes"
	"reflect"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// A configuration is the hashed form of the constructor's arguments. Two clients share
// an object if their configurations are equal. Values that differ in Go differ in the
// configuration, with one exception: it omits zero arguments at the end and zero fields
// of structs, so that these can be added later. PROTOCOL.md has the rules.

// Configuration is the part of the constructor's arguments that identifies the object.
type Configuration struct {
	// Bytes is hashed. Two clients share an object if their Bytes are equal.
	Bytes []byte
	// Parts describe for people the difference of two configurations.
	Parts []ConfigPart
	// Texts are the strings in the arguments that were found.
	Texts []ConfigText
}

// ConfigPart describes a constructor's argument, or a field of an argument that is a
// struct. Zero arguments and fields have none.
type ConfigPart struct {
	Number int    // position of the argument, from 1
	Type   string // type of the argument, as Go prints it
	Field  string // field of the argument; empty for the argument as a whole
	Hash   string // hash of the value
}

// ConfigText is a string in an argument of the constructor.
type ConfigText struct {
	Number int    // position of the argument, from 1
	Type   string // type of the argument, as Go prints it
	Path   string // path into the argument, such as ".Dirs[1]"; empty for the argument itself
	Text   string
}

// The search for strings finds those that people write into a configuration, not the data
// from which an object is made. It ends at either of the first two limits.
const (
	maxTextItems = 4096 // items inspected
	maxTexts     = 64   // strings found
	maxTextSize  = 4096 // bytes; the search skips longer strings
)

// ConfigWriter makes the configuration of a message's arguments. [NewConfigWriter] makes it.
// Only one goroutine may use it at a time.
type ConfigWriter struct {
	at    int    // start of the next item in the encoder's buffer
	args  Writer // its buffer has the arguments in their form in the configuration
	used  int    // number of arguments up to the last that is not zero
	end   int    // end of that argument in args
	all   int    // number of all arguments
	zeros map[*Plan]marshalledZero
	parts []ConfigPart

	texts []ConfigText
	items int      // items inspected
	steps []string // path to the current item
	typ   string   // type of the current argument
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
	begin := len(c.args.b)
	c.all++
	c.typ = t.String()
	p := PlanOf(t)
	_, zero, f := c.item(p, buf[c.at:])
	if f == nil && !zero {
		c.used, c.end = c.all, len(c.args.b)
		f = c.addParts(p, c.args.b[begin:])
	}
	c.at = len(buf)
	if f != nil {
		return f.in(t)
	}
	return nil
}

// Finish returns the configuration of the arguments that were added.
func (c *ConfigWriter) Finish() Configuration {
	args := append(appendHead(nil, majorArray, uint64(c.used)), c.args.b[:c.end]...)
	return Configuration{args, c.parts, c.texts}
}

// addParts appends the parts of an argument of p. item is its form in the configuration.
func (c *ConfigWriter) addParts(p *Plan, item []byte) *fault {
	part := ConfigPart{Number: c.all, Type: c.typ}
	h, ok := readHead(item, 0)
	if p.shape != shapeStruct || !ok || h.isNull() {
		part.Hash = wire.ArgumentHash(item)
		c.parts = append(c.parts, part)
		return nil
	}
	return p.each(h, item, func(fd *field, value []byte) {
		part.Field, part.Hash = fd.name, wire.ArgumentHash(value)
		c.parts = append(c.parts, part)
	})
}

// each calls do for the fields of the struct b with head h, whose values are encoded.
func (p *Plan) each(h head, b []byte, do func(fd *field, value []byte)) *fault {
	rest := b[h.End:]
	for range h.Arg {
		fd, value, f := p.cut(rest)
		if f != nil {
			return f
		}
		end, ok := skip(value, 0)
		if !ok {
			return malformed()
		}
		do(fd, value[:end])
		rest = value[end:]
	}
	return nil
}

// cut returns the field whose name is the first item of b, and the bytes after the name.
func (p *Plan) cut(b []byte) (fd *field, rest []byte, f *fault) {
	end, ok := skip(b, 0)
	if !ok {
		return nil, nil, malformed()
	}
	if fd = p.fields.byKey[string(b[:end])]; fd == nil {
		return nil, nil, faultf("%s has no such field", p.typ)
	}
	return fd, b[end:], nil
}

// item appends the configuration's form of the first item of b, which matches p, to c.args
// and finds strings in it. It returns the bytes after the item, and whether the item is the
// zero value of p's type.
func (c *ConfigWriter) item(p *Plan, b []byte) (rest []byte, zero bool, f *fault) {
	h, ok := readHead(b, 0)
	if !ok {
		return nil, false, malformed()
	}
	c.items++
	if h.isNull() {
		c.args.b = append(c.args.b, itemNull)
		return b[h.End:], true, nil
	}
	switch p.shape {
	case shapePointer: // a pointer that is not nil, whatever its element
		rest, _, f = c.item(p.elem, b)
		return rest, false, f
	case shapeSlice, shapeArray:
		return c.list(p, h, b)
	case shapeMap:
		return c.entries(p, h, b)
	case shapeStruct:
		return c.fields(p, h, b)
	case shapeInterface:
		return c.held(h, b)
	}
	end, ok := skip(b, 0)
	if !ok {
		return nil, false, malformed()
	}
	if p.shape == shapeString {
		c.text(b[h.End:end])
	}
	c.args.b = append(c.args.b, b[:end]...)
	return b[end:], c.isZero(p, h, b[:end]), nil
}

// text notes a string, unless the search has ended.
func (c *ConfigWriter) text(text []byte) {
	if len(text) > 0 && len(text) <= maxTextSize && c.items <= maxTextItems && len(c.texts) < maxTexts {
		c.texts = append(c.texts, ConfigText{c.all, c.typ, strings.Join(c.steps, ""), string(text)})
	}
}

// below is item for an item one step further inside.
func (c *ConfigWriter) below(step string, p *Plan, b []byte) (rest []byte, zero bool, f *fault) {
	c.steps = append(c.steps, step)
	rest, zero, f = c.item(p, b)
	c.steps = c.steps[:len(c.steps)-1]
	return rest, zero, f
}

// isZero reports whether item, which is not null and has head h, is the zero value of p's
// type.
func (c *ConfigWriter) isZero(p *Plan, h head, item []byte) bool {
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
		return len(bytes.TrimLeft(item[h.End:], "\x00")) == 0
	case shapeBinary, shapeText:
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

func (c *ConfigWriter) list(p *Plan, h head, b []byte) (rest []byte, zero bool, f *fault) {
	c.args.b = appendHead(c.args.b, majorArray, h.Arg)
	rest, zero = b[h.End:], p.shape == shapeArray
	for i := range int(h.Arg) {
		var isZero bool
		if rest, isZero, f = c.below(indexStep(i), p.elem, rest); f != nil {
			return nil, false, f
		}
		zero = zero && isZero
	}
	return rest, zero, nil
}

// entries sorts the entries of a map again: a key that omits a field is another key.
func (c *ConfigWriter) entries(p *Plan, h head, b []byte) (rest []byte, zero bool, f *fault) {
	w, mine := &c.args, len(c.args.spans)
	w.b = appendHead(w.b, majorMap, h.Arg)
	rest = b[h.End:]
	for range h.Arg {
		begin := len(w.b)
		if rest, _, f = c.below("[key]", p.key, rest); f == nil {
			rest, _, f = c.below("[]", p.elem, rest)
		}
		if f != nil {
			return nil, false, f
		}
		w.spans = append(w.spans, span{begin: begin, end: len(w.b)})
	}
	w.sort(mine)
	return rest, false, nil
}

func (c *ConfigWriter) fields(p *Plan, h head, b []byte) (rest []byte, zero bool, f *fault) {
	// The first sent field of a struct that is embedded by pointer is kept, zero or not: it
	// shows that the pointer is not nil.
	marks := make(map[*field]bool)
	if len(p.fields.pointers) > 0 {
		sent := make(map[*field]bool)
		if f = p.each(h, b, func(fd *field, _ []byte) { sent[fd] = true }); f != nil {
			return nil, false, f
		}
		for _, e := range p.fields.pointers {
			if i := slices.IndexFunc(e.fields, func(fd *field) bool { return sent[fd] }); i >= 0 {
				marks[e.fields[i]] = true
			}
		}
	}
	w, start, n := &c.args, len(c.args.b), 0
	w.b = appendHead(w.b, majorMap, h.Arg)
	rest = b[h.End:]
	for range h.Arg {
		fd, value, f := p.cut(rest)
		if f != nil {
			return nil, false, f
		}
		begin := len(w.b)
		w.b = append(w.b, fd.key...)
		step := "." + fd.name
		if rest, zero, f = c.below(step, fd.plan, value); f != nil {
			return nil, false, f.below(step)
		}
		if zero && !marks[fd] {
			w.b = w.b[:begin]
		} else {
			n++
		}
	}
	w.setCount(start, int(h.Arg), n)
	return rest, n == 0, nil
}

// held omits the hashes from the name of the type that an interface holds, so that fields
// can be added to the type.
func (c *ConfigWriter) held(h head, b []byte) (rest []byte, zero bool, f *fault) {
	name, end, f := readTypeName(b, h.End)
	if f != nil {
		return nil, false, f
	}
	plain := withoutHashes(name)
	c.args.b = appendHead(appendHead(c.args.b, majorArray, 2), majorText, uint64(len(plain)))
	c.args.b = append(c.args.b, plain...)
	rest = b[end:]
	if name == errorName {
		end, ok := skip(rest, 0)
		if !ok {
			return nil, false, malformed()
		}
		c.args.b = append(c.args.b, rest[:end]...)
		return rest[end:], false, nil
	}
	k, f := knownBy(name, nil)
	if f != nil {
		return nil, false, f
	}
	if rest, _, f = c.item(PlanOf(k.typ), rest); f != nil {
		return nil, false, f.below(heldStep(k.typ))
	}
	return rest, false, nil
}

// withoutHashes removes the hashes from a type's name.
func withoutHashes(name string) string {
	before, after, ok := strings.Cut(name, "#")
	if !ok {
		return name
	}
	return before + withoutHashes(after[min(typeHash, len(after)):])
}
