package stub

import (
	"math"
	"reflect"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// checker inspects a value before it is encoded, and rejects a value that would arrive
// as another value. It terminates for cyclic values, too: nesting is limited, and so is
// the number of values that fit into the message.
type checker struct {
	sender *sender
	room   int // bytes left in the message, less the minimum for the values inspected so far
	limit  int // size of the whole message in bytes
}

// value checks v, which is nested in depth arrays and maps.
func (c *checker) value(p *plan, v reflect.Value, depth int) *fault {
	if f := c.spend(1); f != nil {
		return f
	}
	switch p.shape {
	case shapeRefused:
		return p.reason.copy()
	case shapeFloat32, shapeFloat64:
		if p.inKey && math.IsNaN(v.Float()) {
			return notANumberInKey()
		}
	case shapeString:
		return c.text(v.String())
	case shapeBytes:
		return c.spend(v.Len())
	case shapeTime:
		return c.time(p, v)
	case shapeBinary, shapeText:
		size, err := checkMarshalled(v, p.shape, p.inKey)
		if err != nil {
			return faultf("%s cannot be sent: %w", p.typ, err)
		}
		return c.spend(size)
	case shapeComplex:
		if depth >= wire.MaxNesting {
			return tooDeep()
		}
		if c := v.Complex(); p.inKey && (math.IsNaN(real(c)) || math.IsNaN(imag(c))) {
			return notANumberInKey()
		}
	case shapeError:
		if v.IsNil() {
			return nil
		}
		return c.error(depth)
	case shapeInterface:
		return c.held(p, v, depth+1)
	case shapePointer:
		return c.pointer(p, v, depth)
	case shapeSlice, shapeArray, shapeMap, shapeStruct:
		return c.composite(p, v, depth+1)
	}
	return nil
}

// spend subtracts n bytes from the room.
func (c *checker) spend(n int) *fault {
	c.room -= n
	c.sender.work -= n
	switch {
	case c.room < 0:
		return faultf("%w: at least %d bytes, the limit is %d", ErrTooLarge, c.limit-c.room, c.limit)
	case c.sender.work < 0:
		return faultf("%w: errors that hold each other's values again and again", ErrTooLarge)
	}
	return nil
}

func notANumberInKey() *fault {
	return faultf("NaN as a map key is not equal to itself; use another key")
}

func tooDeep() *fault {
	return faultf("the value is cyclic, or nested deeper than the %d levels that can be sent", wire.MaxNesting)
}

// error checks that there is room for an error. Every error fits otherwise.
func (c *checker) error(depth int) *fault {
	if depth+errorNesting > wire.MaxNesting {
		return tooDeep()
	}
	return c.spend(errorSize)
}

// held checks the value in the interface v.
func (c *checker) held(p *plan, v reflect.Value, depth int) *fault {
	if v.IsNil() {
		return nil
	}
	if depth > wire.MaxNesting {
		return tooDeep()
	}
	v = v.Elem()
	if c.sender.holdsError(v) {
		if p.inKey {
			return faultf("an error of type %s in a map's key cannot be sent, since == compares what does not travel; use its text", v.Type())
		}
		return c.error(depth)
	}
	k, f := knownOf(v.Type())
	if f != nil {
		return f
	}
	q, f := k.planIn(p)
	if f == nil {
		f = c.spend(len(k.name))
	}
	if f == nil {
		f = c.value(q, v, depth)
	}
	if f != nil {
		return f.below(heldStep(v.Type()))
	}
	return nil
}

func (c *checker) text(s string) *fault {
	if f := c.spend(len(s)); f != nil {
		return f
	}
	if !utf8.ValidString(s) {
		return &fault{err: errNotUTF8}
	}
	return nil
}

func (c *checker) pointer(p *plan, v reflect.Value, depth int) *fault {
	if v.IsNil() {
		return nil
	}
	if encodesNull(p.elem, v.Elem()) {
		return faultf("a pointer to a %s that is %s would come back as a nil pointer; send nil, or the value itself", p.elem.typ, nullName(p.elem))
	}
	if p.elem.plain {
		return nil
	}
	return c.value(p.elem, v.Elem(), depth)
}

// encodesNull reports whether v is encoded as null.
func encodesNull(p *plan, v reflect.Value) bool {
	switch p.shape {
	case shapePointer, shapeSlice, shapeBytes, shapeMap, shapeError, shapeInterface:
		return v.IsNil()
	case shapeTime:
		return timeIn(v).IsZero()
	}
	return false
}

func nullName(p *plan) string {
	if p.shape == shapeTime {
		return "the zero time"
	}
	return "nil"
}

// composite checks the contents of v, at depth.
func (c *checker) composite(p *plan, v reflect.Value, depth int) *fault {
	if depth > wire.MaxNesting {
		return tooDeep()
	}
	switch p.shape {
	case shapeStruct:
		n, f := c.members(p.fields.members, v, depth)
		if f != nil {
			return f
		}
		return c.spend(n)
	case shapeMap:
		return c.entries(p, v, depth)
	}
	n := v.Len()
	if n > wire.MaxElements {
		return tooMany(n)
	}
	if p.elem.plain {
		return c.spend(n)
	}
	for i := range n {
		if f := c.value(p.elem, v.Index(i), depth); f != nil {
			return f.below(indexStep(i))
		}
	}
	return nil
}

func tooMany(n int) *fault {
	return faultf("%d elements are more than the %d that can be sent in one piece; split them", n, wire.MaxElements)
}

func (c *checker) entries(p *plan, v reflect.Value, depth int) *fault {
	if v.Len() > wire.MaxElements {
		return tooMany(v.Len())
	}
	for it := v.MapRange(); it.Next(); {
		f := c.value(p.key, it.Key(), depth)
		if f == nil && p.elem.plain {
			f = c.spend(1)
		} else if f == nil {
			f = c.value(p.elem, it.Value(), depth)
		}
		if f != nil {
			return f.below(keyStep(it.Key()))
		}
	}
	return nil
}

// members checks the fields of a struct and returns how many will be sent.
func (c *checker) members(members []member, v reflect.Value, depth int) (sent int, f *fault) {
	for i := range members {
		m := &members[i]
		fv := v.Field(m.index)
		if m.field == nil {
			n, f := c.embedded(m, fv, depth)
			if f != nil {
				return 0, f.below("." + v.Type().Field(m.index).Name)
			}
			sent += n
			continue
		}
		dropped, f := m.field.dropped(fv)
		if f == nil && !dropped {
			sent++
			if !m.field.plan.plain {
				f = c.value(m.field.plan, fv, depth)
			}
		}
		if f != nil {
			return 0, f.below("." + m.field.name)
		}
	}
	return sent, nil
}

// embedded checks the promoted fields of m.
func (c *checker) embedded(m *member, v reflect.Value, depth int) (sent int, f *fault) {
	if !m.pointer {
		return c.members(m.embedded, v, depth)
	}
	if v.IsNil() {
		return 0, nil
	}
	sent, f = c.members(m.embedded, v.Elem(), depth)
	if f == nil && sent == 0 {
		f = faultf("the embedded pointer would come back nil, since no field of the struct is sent; embed it by value")
	}
	return sent, f
}
