package value

import (
	"fmt"
	"reflect"
	"strings"
)

// ConfigText is a string in an argument of the constructor.
type ConfigText struct {
	Number int    // position of the argument, from 1
	Type   string // type of the argument, as Go prints it
	Path   string // path into the argument, such as ".Dirs[1]"; empty for the argument itself
	Text   string
}

// The search finds strings that people write into a configuration, not the data from
// which an object is made. It ends at either of the first two limits.
const (
	maxTextItems = 4096 // items inspected
	maxTexts     = 64   // strings found
	maxTextSize  = 4096 // bytes; the search skips longer strings
)

// textWalk finds the strings in arguments.
type textWalk struct {
	found []ConfigText
	items int
	steps []string // path to the current item
}

// argument finds strings in an argument of type t, the first item of b.
func (w *textWalk) argument(number int, t reflect.Type, b []byte) {
	before := len(w.found)
	w.steps = w.steps[:0]
	w.walk(PlanOf(t), b)
	for i := range w.found[before:] {
		w.found[before+i].Number, w.found[before+i].Type = number, t.String()
	}
}

// walk finds strings in the first item of b, which matches p. It returns the bytes
// after the item, and whether the search continues.
func (w *textWalk) walk(p *Plan, b []byte) (rest []byte, more bool) {
	h, ok := readHead(b, 0)
	if w.items++; !ok || w.items > maxTextItems || len(w.found) >= maxTexts {
		return nil, false
	}
	if h.isNull() {
		return b[h.End:], true
	}
	switch p.shape {
	case shapeString:
		end, f := skipString(b, h)
		if f != nil {
			return nil, false
		}
		if text := b[h.End:end]; len(text) > 0 && len(text) <= maxTextSize {
			w.found = append(w.found, ConfigText{Path: strings.Join(w.steps, ""), Text: string(text)})
		}
		return b[end:], true
	case shapePointer:
		return w.walk(p.elem, b)
	case shapeSlice, shapeArray:
		rest, more = b[h.End:], true
		for i := uint64(0); i < h.Arg && more; i++ {
			rest, more = w.step(fmt.Sprintf("[%d]", i), p.elem, rest)
		}
		return rest, more
	case shapeMap:
		rest, more = b[h.End:], true
		for i := uint64(0); i < h.Arg && more; i++ {
			if rest, more = w.step("[key]", p.key, rest); more {
				rest, more = w.step("[]", p.elem, rest)
			}
		}
		return rest, more
	case shapeStruct:
		return w.fields(p, h, b)
	case shapeInterface:
		name, end, f := readTypeName(b, h.End)
		if f != nil || name == errorName {
			break
		}
		k, f := knownBy(name, nil)
		if f != nil {
			return nil, false
		}
		return w.walk(PlanOf(k.typ), b[end:])
	}
	end, f := skip(b, 0, 0)
	if f != nil {
		return nil, false
	}
	return b[end:], true
}

func (w *textWalk) fields(p *Plan, h head, b []byte) (rest []byte, more bool) {
	rest, more = b[h.End:], true
	for i := uint64(0); i < h.Arg && more; i++ {
		end, f := skip(rest, 0, 0)
		if f != nil {
			return nil, false
		}
		field := p.fields.byKey[string(rest[:end])]
		if field == nil {
			return nil, false
		}
		rest, more = w.step("."+field.name, field.plan, rest[end:])
	}
	return rest, more
}

// step finds strings in an item one step further inside.
func (w *textWalk) step(step string, p *Plan, b []byte) (rest []byte, more bool) {
	w.steps = append(w.steps, step)
	rest, more = w.walk(p, b)
	w.steps = w.steps[:len(w.steps)-1]
	return rest, more
}
