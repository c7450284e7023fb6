package jsonvalue

import (
	"errors"
	"fmt"
	"strings"

	"github.com/loopgen/loopgen/rt/internal/wire"
	"github.com/loopgen/loopgen/rt/schema"
)

// Codec translates the values of one daemon. Its methods may be called concurrently.
type Codec struct {
	// Types has what signatures leave open, as Status.Types of package rt says it. A type
	// that it does not have is translated without.
	Types map[string]string
}

// maxSteps limits the types around a value. A text of a type that no program has can
// contain itself without end.
const maxSteps = 400

// Encode returns the CBOR of the value of type t that text, which is JSON, describes. The
// error names the place in the value.
func (c *Codec) Encode(t *schema.Type, text []byte) ([]byte, error) {
	n, err := parse(text)
	if err != nil {
		return nil, err
	}
	e := encoder{Codec: c}
	if err := e.value(place{t: t}, n); err != nil {
		return nil, err
	}
	return e.b, nil
}

// Decode returns as JSON the value of type t at the front of data, and the bytes after it.
// The error says that the value is no t.
func (c *Codec) Decode(t *schema.Type, data []byte) (text, rest []byte, err error) {
	d := decoder{Codec: c, b: data}
	if err := d.value(place{t: t}); err != nil {
		return nil, nil, err
	}
	return d.out, data[d.at:], nil
}

// IsBytes reports whether values of t are bytes, and IsText whether they are one text.
func (c *Codec) IsBytes(t *schema.Type) bool {
	p, err := place{t: t}.resolve()
	return err == nil && (p.isBytes() || p.t.Kind == schema.Word && c.Types[p.t.Name] == encodedBytes && standard[p.t.Name] == nil)
}

// IsText reports whether values of t are one text: strings, times, durations, errors (the
// message), and types that encode themselves as text.
func (c *Codec) IsText(t *schema.Type) bool {
	p, err := place{t: t}.resolve()
	if err != nil || p.t.Kind != schema.Word {
		return false
	}
	name := p.t.Name
	return name == "string" || name == "time.Time" || name == "time.Duration" || name == "error" || c.Types[name] == encodedText || standard[name] != nil
}

// What Types says about a type that encodes itself, by its name, and about a field that may
// be absent, by the name of its struct, a dot and its own.
const (
	encodedText  = "text"
	encodedBytes = "bytes"
	optional     = "optional"
	omitEmpty    = "omitempty"
)

// place is a type, with the defined types around it.
type place struct {
	t      *schema.Type
	within *scope
	steps  int // types around it
	depth  int // arrays and maps around it
}

// scope is the innermost of some defined types in each other.
type scope struct {
	t     *schema.Type
	outer *scope
}

// part returns the place of a type within p. deep says that an array or a map is around it.
func (p place) part(t *schema.Type, deep bool) place {
	p.t, p.steps = t, p.steps+1
	if deep {
		p.depth++
	}
	return p
}

var (
	errEndless = errors.New("the type contains itself without end")
	errNesting = fmt.Errorf("more than %d arrays and maps are in each other", wire.MaxNesting)
)

// resolve returns the place with the structure of a defined type in its place. It fails if
// types or values are nested too deep.
func (p place) resolve() (place, error) {
	for ; p.steps <= maxSteps; p.steps++ {
		switch p.t.Kind {
		case schema.Defined:
			p.within = &scope{p.t, p.within}
			p.t = p.t.Elem
		case schema.Outer:
			s := p.within
			for n := 1; n < p.t.Number && s != nil; n++ {
				s = s.outer
			}
			if s == nil || p.t.Number < 1 {
				return p, fmt.Errorf("the type #%d is not known here", p.t.Number)
			}
			p.within, p.t = s, s.t.Elem
		default:
			if p.depth > wire.MaxNesting {
				return p, errNesting
			}
			return p, nil
		}
	}
	return p, errEndless
}

// isBytes reports whether values of the resolved place are byte strings.
func (p place) isBytes() bool {
	if p.t.Kind != schema.Prefix || !strings.HasPrefix(p.t.Name, "[") {
		return false
	}
	elem, err := p.part(p.t.Elem, false).resolve()
	return err == nil && elem.t.Kind == schema.Word && elem.t.Name == "uint8"
}

// name returns the name of the struct at the resolved place, or "struct".
func (p place) name() string {
	if p.within != nil && p.within.t.Elem == p.t {
		return p.within.t.Name
	}
	return "struct"
}

// presence returns what Types says about a field of the struct at the resolved place.
func (c *Codec) presence(p place, field string) string { return c.Types[p.name()+"."+field] }

// fault is an error and the place in the value.
type fault struct {
	path string
	err  error
}

func (f *fault) Error() string {
	if f.path == "" {
		return f.err.Error()
	}
	return strings.TrimPrefix(f.path, ".") + ": " + f.err.Error()
}

func (f *fault) Unwrap() error { return f.err }

// below returns err as an error of a part of a value.
func below(step string, err error) error {
	if err == nil {
		return nil
	}
	f, ok := err.(*fault)
	if !ok {
		f = &fault{err: err}
	}
	if len(f.path) < 500 {
		f.path = step + f.path
	}
	return f
}
