package value

import (
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

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

// addParts appends the parts of an argument of type t. item is its form in the
// configuration.
func (c *ConfigWriter) addParts(t reflect.Type, item []byte) *fault {
	p := PlanOf(t)
	part := ConfigPart{Number: c.all, Type: t.String()}
	h, ok := readHead(item, 0)
	if p.shape != shapeStruct || !ok || h.isNull() {
		part.Hash = wire.ArgumentHash(item)
		c.parts = append(c.parts, part)
		return nil
	}
	rest := item[h.End:]
	for range h.Arg {
		end, f := skip(rest, 0, 0)
		if f != nil {
			return f
		}
		part.Field = p.fields.byKey[string(rest[:end])].name
		rest = rest[end:]
		if end, f = skip(rest, 0, 0); f != nil {
			return f
		}
		part.Hash = wire.ArgumentHash(rest[:end])
		rest = rest[end:]
		c.parts = append(c.parts, part)
	}
	return nil
}
