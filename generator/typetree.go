package generator

import (
	"fmt"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/rt/schema"
)

// spelled returns t as signatures spell it, as package stub does by reflection.
func (s *shared) spelled(t types.Type) *schema.Type {
	return (&speller{service: s}).typ(t)
}

// compiledName returns the name of a type as the compiler spells it.
func (s *shared) compiledName(named *types.Named) string {
	sp := speller{service: s, argument: true}
	var args []*schema.Type
	for arg := range named.TypeArgs().Types() {
		args = append(args, sp.typ(arg))
	}
	return schema.Instance(named.Obj().Name(), args)
}

// speller makes the trees of types.
type speller struct {
	service  *shared
	argument bool           // the types are type arguments, in the compiler's spelling
	within   []*types.Named // the defined types around the current one, the outermost first
}

func (sp *speller) typ(t types.Type) *schema.Type {
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam: // every instance has its own type there
		return schema.NewWord(fmt.Sprintf("$%d", slices.Index(sp.service.Params, t)+1))
	case *types.Named:
		return sp.named(t)
	case *types.Pointer:
		return schema.PointerTo(sp.typ(t.Elem()))
	case *types.Slice:
		return schema.SliceOf(sp.typ(t.Elem()))
	case *types.Array:
		return schema.ArrayOf(t.Len(), sp.typ(t.Elem()))
	case *types.Map:
		return schema.MapOf(sp.typ(t.Key()), sp.typ(t.Elem()))
	case *types.Struct:
		return &schema.Type{Kind: schema.Struct, Fields: sp.fields(t)}
	case *types.Interface:
		switch {
		case t.NumMethods() == 0:
			return schema.NewWord("any")
		case !sp.argument:
			return schema.NewWord("interface")
		}
	case *types.Basic:
		return schema.NewWord(basicName(t))
	}
	// Values of these types are not sent: they can only be type arguments.
	return schema.NewWord(types.TypeString(t, (*types.Package).Path))
}

// basicName returns the name of a predeclared type. Types byte and rune have another
// name as well.
func basicName(t *types.Basic) string { return types.Typ[t.Kind()].String() }

func (sp *speller) named(t *types.Named) *schema.Type {
	pkg := t.Obj().Pkg()
	if pkg == nil { // error
		return schema.NewWord(t.Obj().Name())
	}
	name := sp.service.compiledName(t)
	switch {
	case sp.argument:
		return schema.NewWord(pkg.Path() + "." + name)
	case check.IsNamed(t, "time", "Time"), check.IsNamed(t, "time", "Duration"), sp.service.Opaque(t):
		return schema.NewWord(pkg.Path() + "." + schema.Bare(name))
	}
	for i, outer := range sp.within {
		if types.Identical(outer, t) {
			return &schema.Type{Kind: schema.Outer, Number: len(sp.within) - i}
		}
	}
	sp.within = append(sp.within, t)
	structure := sp.typ(t.Underlying())
	sp.within = sp.within[:len(sp.within)-1]
	return &schema.Type{Kind: schema.Defined, Name: schema.Bare(name), Elem: structure}
}

// fields returns the fields of a struct. Those of an embedded struct are in its place,
// except in a type argument.
func (sp *speller) fields(st *types.Struct) (list []schema.Field) {
	for i := range st.NumFields() {
		f := st.Field(i)
		t, _ := check.Pointee(f.Type())
		inner, isStruct := t.Underlying().(*types.Struct)
		name, tag := fieldName(st, i), ""
		switch {
		case sp.argument && f.Embedded():
			name, tag = "", st.Tag(i)
		case sp.argument && f.Exported():
			name, tag = f.Name(), st.Tag(i)
		case sp.argument:
			name, tag = f.Pkg().Path()+"."+f.Name(), st.Tag(i)
		case f.Name() == "_":
			continue
		case f.Embedded() && isStruct && !check.HasWireName(st, i):
			list = append(list, sp.fields(inner)...)
			continue
		}
		list = append(list, schema.Field{Name: name, Type: sp.typ(f.Type()), Tag: tag})
	}
	return list
}

// fieldName returns the name of field i in a signature. An integer name is not quoted.
func fieldName(st *types.Struct, i int) string {
	name := check.WireName(st, i)
	_, options, _ := strings.Cut(check.FieldTag(st, i), ",")
	if slices.Contains(strings.Split(options, ","), "keyasint") {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	}
	return schema.FieldName(name)
}
