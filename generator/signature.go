package generator

import (
	"fmt"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// speller writes types as the signatures of package stub have them, which come
// from package reflect. A test compares the two.
type speller struct {
	strings.Builder
	service *service
	within  []*types.Named // the defined types being spelt out, the outermost first
}

func (sp *speller) spell(t types.Type) {
	t = types.Unalias(t)
	if p, ok := t.(*types.TypeParam); ok {
		sp.WriteString(sp.service.placeholder(p))
		return
	}
	named, ok := t.(*types.Named)
	switch {
	case isError(t):
		sp.WriteString("error")
		return
	case !ok:
		sp.structure(t)
		return
	case isNamed(t, "time", "Time"), isNamed(t, "time", "Duration"):
		sp.WriteString("time." + named.Obj().Name())
		return
	case sp.opaque(named):
		sp.WriteString(named.Obj().Pkg().Path() + "." + sp.service.reflectName(named, withoutPath))
		return
	}
	for i, outer := range sp.within {
		if types.Identical(outer, named) {
			fmt.Fprintf(sp, "#%d", len(sp.within)-i)
			return
		}
	}
	sp.WriteString(sp.service.reflectName(named, withoutPath))
	sp.within = append(sp.within, named)
	if st, ok := named.Underlying().(*types.Struct); ok {
		sp.fields(st)
	} else {
		sp.WriteString("{")
		sp.structure(named.Underlying())
		sp.WriteString("}")
	}
	sp.within = sp.within[:len(sp.within)-1]
}

// opaque reports whether only the type's name is compared: it makes its own
// encoding, or cannot be sent but in a place of its own.
func (sp *speller) opaque(named *types.Named) bool {
	w := sp.service.walk("", false)
	whole, p := w.ownCodec(named, "")
	if st, ok := named.Underlying().(*types.Struct); ok && !whole && p == nil {
		p = w.lostField(named, st, "")
	}
	return whole || p != nil
}

// structure writes what a type is that has no name, or whatever it is called.
func (sp *speller) structure(t types.Type) {
	switch t := t.(type) {
	case *types.Basic:
		sp.WriteString(basicName(t))
	case *types.Pointer:
		sp.WriteString("*")
		sp.spell(t.Elem())
	case *types.Slice:
		sp.WriteString("[]")
		sp.spell(t.Elem())
	case *types.Array:
		fmt.Fprintf(sp, "[%d]", t.Len())
		sp.spell(t.Elem())
	case *types.Map:
		sp.WriteString("map[")
		sp.spell(t.Key())
		sp.WriteString("]")
		sp.spell(t.Elem())
	case *types.Struct:
		sp.WriteString("struct")
		sp.fields(t)
	case *types.Interface:
		if t.NumMethods() == 0 {
			sp.WriteString("any")
		} else {
			sp.WriteString("interface")
		}
	default: // it is in an error type that cannot be sent whole
		sp.WriteString(types.TypeString(t, (*types.Package).Name))
	}
}

func (sp *speller) fields(st *types.Struct) {
	sp.WriteString("{")
	first := true
	sp.members(st, &first)
	sp.WriteString("}")
}

// members writes the fields of a struct, those of embedded structs in their place.
func (sp *speller) members(st *types.Struct, first *bool) {
	for i := range st.NumFields() {
		f := st.Field(i)
		if f.Name() == "_" {
			continue
		}
		if f.Embedded() && !hasWireName(st, i) {
			t := types.Unalias(f.Type())
			if p, ok := t.(*types.Pointer); ok {
				t = p.Elem()
			}
			if embedded, ok := t.Underlying().(*types.Struct); ok {
				sp.members(embedded, first)
				continue
			}
		}
		if !*first {
			sp.WriteString(", ")
		}
		*first = false
		sp.WriteString(spelledName(st, i) + " ")
		sp.spell(f.Type())
	}
}

// spelledName returns the name on the wire of field i; integers are no text.
func spelledName(st *types.Struct, i int) string {
	name := wireName(st, i)
	_, options, _ := strings.Cut(fieldTag(st, i), ",")
	if slices.Contains(strings.Split(options, ","), "keyasint") {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	}
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return strconv.Quote(name)
		}
	}
	return name
}

func withoutPath(*types.Package) string { return "" }

// placeholder stands for a type argument that every instance has its own of.
func (s *service) placeholder(p *types.TypeParam) string {
	return fmt.Sprintf("$%d", slices.Index(s.params, p)+1)
}

// reflectName returns the name that a compiled type has, its type arguments in full.
func (s *service) reflectName(named *types.Named, q types.Qualifier) string {
	if named.TypeArgs().Len() == 0 {
		return named.Obj().Name()
	}
	var args []string
	for arg := range named.TypeArgs().Types() {
		args = append(args, s.reflectString(arg, q))
	}
	return named.Obj().Name() + "[" + strings.Join(args, ",") + "]"
}

// reflectString writes a type argument as in the name of a compiled type.
func (s *service) reflectString(t types.Type, q types.Qualifier) string {
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam:
		return s.placeholder(t)
	case *types.Basic:
		return basicName(t)
	case *types.Named:
		if t.Obj().Pkg() == nil {
			return t.Obj().Name()
		}
		return strings.TrimPrefix(q(t.Obj().Pkg())+".", ".") + s.reflectName(t, q)
	case *types.Pointer:
		return "*" + s.reflectString(t.Elem(), q)
	case *types.Slice:
		return "[]" + s.reflectString(t.Elem(), q)
	case *types.Array:
		return fmt.Sprintf("[%d]", t.Len()) + s.reflectString(t.Elem(), q)
	case *types.Map:
		return "map[" + s.reflectString(t.Key(), q) + "]" + s.reflectString(t.Elem(), q)
	case *types.Interface:
		if t.Empty() {
			return "interface {}"
		}
	case *types.Struct:
		var fields []string
		for i := range t.NumFields() {
			f := t.Field(i)
			text := s.reflectString(f.Type(), q)
			if !f.Embedded() {
				text = f.Name() + " " + text
			}
			if t.Tag(i) != "" {
				text += " " + strconv.Quote(t.Tag(i))
			}
			fields = append(fields, text)
		}
		if len(fields) == 0 {
			return "struct {}"
		}
		return "struct { " + strings.Join(fields, "; ") + " }"
	}
	return types.TypeString(t, q)
}

// basicName returns the name of a predeclared type; byte and rune are others.
func basicName(t *types.Basic) string { return types.Typ[t.Kind()].Name() }
