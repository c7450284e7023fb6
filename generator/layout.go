package generator

import (
	"cmp"
	"fmt"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// maxLayout is how long the text about a type may be that gets a codec.
const maxLayout = 4000

// layouter writes the layout of a type as package stub does, which has the
// grammar. A type has none, and hence no codec, if its values are encoded in
// any other way, or if code for it would not compile here or in another build.
type layouter struct {
	strings.Builder
	service *service
	within  []types.Type    // what is being written, the outermost first
	structs []*codecStruct  // those that need functions of their own, inner ones first
	done    map[string]bool // by key of the struct
}

// codecStruct is a struct type with functions of its own.
type codecStruct struct {
	typ         types.Type
	fields      []codecField
	write, read string
}

// codecField is a field that travels.
type codecField struct {
	path      []string // the way to it, through embedded structs
	wire      string
	omitEmpty bool
	typ       types.Type
}

// layout writes t and returns false if it has none.
func (l *layouter) layout(t types.Type) bool {
	t, ok := l.service.resolve(t)
	if !ok || l.Len() > maxLayout || slices.ContainsFunc(l.within, func(outer types.Type) bool { return types.Identical(outer, t) }) {
		return false
	}
	l.within = append(l.within, t)
	defer func() { l.within = l.within[:len(l.within)-1] }()
	if named, ok := t.(*types.Named); ok && !l.compiles(named) {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		l.WriteString(basicName(u))
		return isScalar(u) && l.isPredeclared(u)
	case *types.Pointer:
		l.WriteString("*")
		_, named := t.(*types.Named)
		return !named && !isNullable(u.Elem()) && l.layout(u.Elem())
	case *types.Slice:
		l.WriteString("[]")
		if isBasic(types.Uint8)(nil, u.Elem()) { // a byte string, whatever its bytes are called
			l.WriteString("byte")
			return isByte(u.Elem()) && l.isPredeclared(u.Elem())
		}
		return l.layout(u.Elem())
	case *types.Array:
		fmt.Fprintf(l, "[%d]byte", u.Len())
		return isByte(u.Elem()) && l.isPredeclared(u.Elem())
	case *types.Map:
		l.WriteString("map[")
		key, ok := u.Key().Underlying().(*types.Basic)
		ok = ok && isScalar(key) && l.layout(u.Key())
		l.WriteString("]")
		return ok && l.layout(u.Elem())
	case *types.Struct:
		return l.structure(t, u)
	}
	return false
}

// compiles reports whether code for a type compiles wherever the generated file
// does.
func (l *layouter) compiles(named *types.Named) bool {
	s := l.service
	if !s.src.nameable(named.Obj()) {
		return false
	}
	for arg := range named.TypeArgs().Types() {
		arg, ok := s.resolve(arg)
		if !ok {
			return false
		}
		switch arg := arg.(type) {
		case *types.Basic:
		case *types.Named:
			if !l.compiles(arg) {
				return false
			}
		default:
			return false
		}
	}
	if !s.isAlike(named.Obj()) {
		return false
	}
	own, problem := s.walk("", false).ownCodec(named, "")
	return !own && problem == nil
}

// resolve returns what t stands for, unless another build may have something else
// of that name.
func (s *service) resolve(t types.Type) (types.Type, bool) {
	for {
		alias, ok := t.(*types.Alias)
		if !ok {
			return t, true
		}
		if !s.isAlike(alias.Obj()) {
			return nil, false
		}
		t = alias.Rhs()
	}
}

// isAlike reports whether obj is the same in all builds that have the generated
// file. One that another file may declare for another build is taken to differ.
func (s *service) isAlike(obj types.Object) bool {
	file := s.src.headOf(obj)
	if file == nil {
		return true
	}
	here := s.src.buildConstraint(file)
	return here == "" || here == s.constraint
}

// isPredeclared reports whether t is a predeclared type in all builds, and its name
// means that type in the package.
func (l *layouter) isPredeclared(t types.Type) bool {
	t, ok := l.service.resolve(t)
	return ok && l.service.src.types.Scope().Lookup(t.(*types.Basic).Name()) == nil
}

// structure writes a struct and enters it among those with functions.
func (l *layouter) structure(t types.Type, u *types.Struct) bool {
	if _, named := t.(*types.Named); !named && u.NumFields() > 0 {
		return false
	}
	st := &codecStruct{typ: t}
	if !l.fields(st, u, nil) {
		return false
	}
	// RFC 8949, 4.2.1: of texts the shorter one comes first.
	slices.SortFunc(st.fields, func(a, b codecField) int {
		return cmp.Or(cmp.Compare(len(a.wire), len(b.wire)), cmp.Compare(a.wire, b.wire))
	})
	if key := typeKey(t); !l.done[key] && u.NumFields() > 0 {
		l.done[key] = true
		l.structs = append(l.structs, st)
	}
	return true
}

// fields writes the fields of u, which is st or embedded in it, and adds them to
// those of st.
func (l *layouter) fields(st *codecStruct, u *types.Struct, path []string) bool {
	l.WriteString("{")
	first := true
	for i := range u.NumFields() {
		f := u.Field(i)
		if f.Name() == "_" {
			continue
		}
		if !first {
			l.WriteString(", ")
		}
		first = false
		if !l.service.isAlike(f) { // u may be that of a type which is declared elsewhere
			return false
		}
		path := append(slices.Clip(path), f.Name())
		if inner, ok := types.Unalias(f.Type()).Underlying().(*types.Struct); ok && f.Embedded() && !hasWireName(u, i) {
			l.WriteString("embedded " + f.Name() + " ")
			if !l.embeds(f) || len(path) > maxEmbedding || !l.fields(st, inner, path) {
				return false
			}
			continue
		}
		if !l.field(st, u, i, path) {
			return false
		}
	}
	l.WriteString("}")
	return true
}

// embeds reports whether code can reach the fields of the embedded struct f.
func (l *layouter) embeds(f *types.Var) bool {
	t, _ := l.service.resolve(f.Type())
	named, ok := t.(*types.Named)
	return ok && (f.Exported() || f.Pkg() == l.service.src.types) && l.compiles(named)
}

// maxEmbedding is how deep structs with codecs embed each other; one that
// embeds itself has none.
const maxEmbedding = 8

func (l *layouter) field(st *codecStruct, u *types.Struct, i int, path []string) bool {
	f := u.Field(i)
	tag := fieldTag(u, i)
	_, options, _ := strings.Cut(tag, ",")
	field := codecField{path: path, wire: wireName(u, i), typ: f.Type()}
	l.WriteString(f.Name())
	if field.wire != f.Name() {
		l.WriteString(" " + strconv.Quote(field.wire))
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			field.omitEmpty = true
		case "omitzero", "keyasint":
			return false
		}
	}
	if field.omitEmpty {
		l.WriteString(" omitempty")
		switch f.Type().Underlying().(type) {
		case *types.Struct, *types.Array:
			return false
		}
	}
	l.WriteString(" ")
	st.fields = append(st.fields, field)
	embeddedPointer := f.Embedded() && !hasWireName(u, i) && isKind[*types.Pointer](nil, types.Unalias(f.Type()))
	return f.Exported() && tag != "-" && !embeddedPointer && l.layout(f.Type())
}

// isScalar reports whether a predeclared type travels as one item of its own.
func isScalar(t *types.Basic) bool {
	return t.Kind() == types.String || t.Kind() != types.Uintptr && t.Info()&(types.IsBoolean|types.IsInteger|types.IsFloat) != 0 && t.Info()&types.IsUntyped == 0
}

// isByte reports whether t is byte itself and not another name for it.
func isByte(t types.Type) bool { return types.Identical(t, types.Typ[types.Uint8]) }

// isNullable reports whether a value of t may be null.
func isNullable(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
		return true
	}
	return false
}

// typeKey tells types apart that are not identical.
func typeKey(t types.Type) string { return types.TypeString(types.Unalias(t), nil) }
