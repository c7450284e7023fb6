package stub

import (
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Configuration is what the constructor's arguments say about which object is meant.
type Configuration struct {
	// Bytes is hashed: two clients mean the same object if theirs are equal.
	Bytes []byte
	// Parts tell people in what two configurations differ.
	Parts []ConfigPart
	// Texts are the strings in the arguments, as far as EncodeArguments looks for them.
	Texts []ConfigText
}

// ConfigPart is an argument of the constructor, or a field of an argument that is a
// struct. There is one for each that is not zero.
type ConfigPart struct {
	Number int    // the argument's place, from 1
	Type   string // of the argument, as Go prints it
	Field  string // empty: the argument as a whole
	Hash   string // of the value
}

// addParts appends the parts of an argument whose form in the configuration is item.
func (c *configWriter) addParts(t reflect.Type, item []byte) *fault {
	p := planOf(t)
	part := ConfigPart{Number: c.all, Type: t.String()}
	h, ok := readHead(item, 0)
	if p.shape != shapeStruct || !ok || h.isNull() {
		part.Hash = wire.ArgumentHash(item)
		c.parts = append(c.parts, part)
		return nil
	}
	rest := item[h.end:]
	for range h.arg {
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
