package value

import (
	"bytes"
	"math/big"
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
	Texts []*ConfigText
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
	writer Writer // omits fields that are zero, and hashes of types
	args   []byte // the arguments in their form in the configuration
	used   int    // number of arguments up to the last that is not zero
	end    int    // end of that argument in args
	zeros  map[*Plan]marshalledZero
	parts  []ConfigPart
	part   ConfigPart // of the current argument
	fields bool       // the current argument is a struct

	texts []*ConfigText
	items int // items inspected
}

// marshalledZero is the encoding of the zero value of a type that makes its own
// encoding.
type marshalledZero struct {
	data []byte
	ok   bool // the zero value can be encoded
}

// NewConfigWriter returns a writer for a message of at most limit bytes. The errors of the
// table keep their identity.
func NewConfigWriter(table *Errors, limit int) *ConfigWriter {
	c := new(ConfigWriter)
	c.writer.Reset(table, 0, limit)
	c.writer.config = c
	return c
}

// Add adds the argument v, which is addressable, of p's type and part of the message. It
// returns an error if v can no longer be encoded.
func (c *ConfigWriter) Add(p *Plan, v reflect.Value) (err error) {
	begin := len(c.args)
	c.part = ConfigPart{Number: c.part.Number + 1, Type: p.typ.String()}
	c.fields = p.shape == shapeStruct
	if c.args, err = c.writer.Append(c.args, p, v); err != nil || c.isZero(p, v) {
		return err
	}
	c.used, c.end = c.part.Number, len(c.args)
	if !c.fields {
		c.addPart("", c.args[begin:])
	}
	c.find(p, v, "")
	return nil
}

// Finish returns the configuration of the arguments that were added.
func (c *ConfigWriter) Finish() Configuration {
	args := append(appendHead(nil, majorArray, uint64(c.used)), c.args[:c.end]...)
	return Configuration{args, c.parts, c.texts}
}

// addPart adds the current argument, or a field of it.
func (c *ConfigWriter) addPart(field string, item []byte) {
	part := c.part
	part.Field, part.Hash = field, wire.ArgumentHash(item)
	c.parts = append(c.parts, part)
}

// omits reports whether the field fd of v, which is sent in messages, leaves no trace in the
// configuration. The first such field of a struct that is embedded by pointer is kept, zero or
// not: it shows that the pointer is not nil.
func (c *ConfigWriter) omits(s *fieldSet, fd *field, v, fv reflect.Value) bool {
	if !c.isZero(fd.plan, fv) {
		return false
	}
	return !slices.ContainsFunc(s.pointers, func(e embedded) bool {
		i := slices.IndexFunc(e.fields, func(fd *field) bool {
			fv := promotedField(v, fd.index)
			if !fv.IsValid() {
				return false
			}
			omitted, f := fd.omitted(fv)
			return f == nil && !omitted
		})
		return i >= 0 && e.fields[i] == fd
	})
}

// isZero reports whether the encoding of v is that of the zero value of p's type.
func (c *ConfigWriter) isZero(p *Plan, v reflect.Value) bool {
	switch p.shape {
	case shapeTime:
		return isNull(p, v)
	case shapeBigInt:
		return v.Addr().Interface().(*big.Int).Sign() == 0
	case shapeBinary, shapeText:
		data, err := marshal(v, p.shape)
		zero := c.zeroOf(p)
		return err == nil && zero.ok && bytes.Equal(zero.data, data)
	case shapeArray:
		for i := range v.Len() {
			if !c.isZero(p.elem, v.Index(i)) {
				return false
			}
		}
		return true
	case shapeStruct:
		isSet := func(e embedded) bool {
			pointer := promotedField(v, e.index)
			return pointer.IsValid() && !pointer.IsNil()
		}
		return !slices.ContainsFunc(p.fields.pointers, isSet) && !slices.ContainsFunc(p.fields.flat, func(fd *field) bool {
			fv := promotedField(v, fd.index)
			return fv.IsValid() && !c.isZero(fd.plan, fv)
		})
	}
	return isExactlyZero(v)
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

// find notes the strings in v, which is at path, until the search has ended.
func (c *ConfigWriter) find(p *Plan, v reflect.Value, path string) {
	if c.items++; c.items > maxTextItems || len(c.texts) >= maxTexts {
		return
	}
	switch p.shape {
	case shapeString:
		if text := v.String(); text != "" && len(text) <= maxTextSize {
			c.texts = append(c.texts, &ConfigText{c.part.Number, c.part.Type, path, text})
		}
	case shapePointer:
		if !v.IsNil() {
			c.find(p.elem, v.Elem(), path)
		}
	case shapeSlice, shapeArray:
		for i := range v.Len() {
			c.find(p.elem, v.Index(i), path+indexStep(i))
		}
	case shapeMap:
		first := len(c.texts)
		for it := v.MapRange(); it.Next(); {
			c.find(p.key, it.Key(), path+"[key]")
			c.find(p.elem, it.Value(), path+"[]")
		}
		slices.SortFunc(c.texts[first:], func(a, b *ConfigText) int { return strings.Compare(a.Path+a.Text, b.Path+b.Text) })
	case shapeStruct:
		for _, fd := range p.fields.sorted {
			if fv := promotedField(v, fd.index); fv.IsValid() {
				c.find(fd.plan, fv, path+"."+fd.name)
			}
		}
	case shapeInterface:
		if !v.IsNil() && !c.writer.holdsError(v.Elem()) {
			c.find(PlanOf(v.Elem().Type()), v.Elem(), path)
		}
	}
}

// withoutHashes removes the hashes from a type's name.
func withoutHashes(name string) string {
	before, after, ok := strings.Cut(name, "#")
	if !ok {
		return name
	}
	return before + withoutHashes(after[min(typeHash, len(after)):])
}
