package value

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

var durationType = reflect.TypeFor[time.Duration]()

// Spell returns the structure of t as signatures spell types. It may be called concurrently.
func Spell(t reflect.Type) string {
	var s speller
	s.spell(PlanOf(t))
	return s.String()
}

// speller writes the types of a signature.
type speller struct {
	strings.Builder
	within []*Plan // the defined types being spelt out, the outermost first
}

func (s *speller) spell(p *Plan) {
	t := p.typ
	switch {
	case t == timeType:
		s.WriteString("time.Time")
		return
	case t == durationType:
		s.WriteString("time.Duration")
		return
	case t == errorType:
		s.WriteString("error")
		return
	case p.shape == shapeRefused, p.shape == shapeBinary, p.shape == shapeText, p.shape == shapeBigInt:
		s.opaque(t)
		return
	case t.PkgPath() == "": // predeclared, or without a name
		s.structure(p)
		return
	}
	for i, outer := range s.within {
		if outer.typ == t {
			s.WriteString("#" + strconv.Itoa(len(s.within)-i))
			return
		}
	}
	s.WriteString(withoutPaths(t.Name()))
	s.within = append(s.within, p)
	if p.shape == shapeStruct {
		s.fields(p)
	} else {
		s.WriteString("{")
		s.structure(p)
		s.WriteString("}")
	}
	s.within = s.within[:len(s.within)-1]
}

// opaque writes a type that is compared by its name only.
func (s *speller) opaque(t reflect.Type) {
	if t.PkgPath() != "" {
		s.WriteString(pkgPath(t) + "." + withoutPaths(t.Name()))
		return
	}
	// Line breaks can only be in the tags of an unnamed struct.
	s.WriteString(strings.Join(strings.Fields(t.String()), " "))
}

// structure writes the structure of p without its name.
func (s *speller) structure(p *Plan) {
	switch p.shape {
	case shapePointer:
		s.WriteString("*")
		s.spell(p.elem)
	case shapeSlice:
		s.WriteString("[]")
		s.spell(p.elem)
	case shapeArray:
		s.WriteString("[" + strconv.Itoa(p.typ.Len()) + "]")
		s.spell(p.elem)
	case shapeBytes:
		s.WriteString("[]")
		s.spell(PlanOf(p.typ.Elem()))
	case shapeByteArray:
		s.WriteString("[" + strconv.Itoa(p.typ.Len()) + "]")
		s.spell(PlanOf(p.typ.Elem()))
	case shapeMap:
		s.WriteString("map[")
		s.spell(p.key)
		s.WriteString("]")
		s.spell(p.elem)
	case shapeStruct:
		s.WriteString("struct")
		s.fields(p)
	case shapeInterface:
		if p.typ.NumMethod() == 0 {
			s.WriteString("any")
		} else {
			s.WriteString("interface")
		}
	default:
		s.WriteString(p.typ.Kind().String())
	}
}

func (s *speller) fields(p *Plan) {
	s.WriteString("{")
	for i, f := range p.fields.flat {
		if i > 0 {
			s.WriteString(", ")
		}
		// An integer name is not a text: "1" and 1 are different keys.
		if f.key[0]>>5 != majorText || isIdentifier(f.wire) {
			s.WriteString(f.wire)
		} else {
			s.WriteString(strconv.Quote(f.wire))
		}
		s.WriteString(" ")
		s.spell(f.plan)
	}
	s.WriteString("}")
}

func isIdentifier(name string) bool {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != ""
}

// withoutPaths removes the import paths from a type's name. Only the type arguments of
// an instance have import paths.
func withoutPaths(name string) string {
	var b strings.Builder
	for name != "" {
		end := strings.IndexAny(name, separators)
		if end < 0 {
			end = len(name)
		}
		word := name[:end]
		word = word[strings.LastIndexByte(word, '/')+1:]
		b.WriteString(word[strings.LastIndexByte(word, '.')+1:])
		if end < len(name) {
			b.WriteByte(name[end])
			end++
		}
		name = name[end:]
	}
	return b.String()
}
