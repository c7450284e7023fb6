package schema

import (
	"strconv"
	"strings"
	"unicode"
)

// Type is a type as signatures spell it, or as the compiler spells a type argument.
type Type struct {
	Kind Kind
	// Name is the text of a Word, the name of a Defined type without import paths, and
	// the text before the element of a Prefix.
	Name   string
	Number int     // of Outer
	Key    *Type   // of Map
	Elem   *Type   // of Prefix and Map; the underlying type of Defined
	Fields []Field // of Struct
}

// Kind says which fields of a [Type] are set.
type Kind uint8

const (
	// Word is a type that is compared by its text alone: a predeclared type, a type
	// parameter such as $1, or a type that makes its own encoding.
	Word Kind = iota
	// Outer is the defined type around this place with that number, counted from
	// inside.
	Outer
	// Prefix is a pointer "*", a slice "[]", an array "[4]", or a parameter that is
	// copied back "out ", "inout " or "compared ".
	Prefix
	// Map is a map.
	Map
	// Struct is a struct without a name.
	Struct
	// Defined is any other defined type.
	Defined
)

// Field is a field of a struct. In a signature its name is the result of FieldName, and it
// has no tag. In a type argument an embedded field has no name.
type Field struct {
	Name string
	Type *Type
	Tag  string
}

// Signature is the signature of a method or a constructor.
type Signature struct{ Params, Results []*Type }

var (
	// integers are the types whose values have the same encoding.
	integers = []string{"int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "time.Duration"}
	// predeclared are the other types that have neither contents nor an import path.
	predeclared = []string{"bool", "string", "float32", "float64", "complex64", "complex128", "error", "any", "interface"}
	// unnamed are the first words of types that cannot be sent.
	unnamed = []string{"chan", "<-chan", "chan<-", "func", "struct"}
)

// NewWord returns a type that is compared by its text.
func NewWord(text string) *Type { return &Type{Kind: Word, Name: text} }

// PointerTo returns the type of pointers to elem.
func PointerTo(elem *Type) *Type { return &Type{Kind: Prefix, Name: "*", Elem: elem} }

// SliceOf returns the type of slices of elem.
func SliceOf(elem *Type) *Type { return &Type{Kind: Prefix, Name: "[]", Elem: elem} }

// ArrayOf returns the type of arrays of that length.
func ArrayOf(length int64, elem *Type) *Type {
	return &Type{Kind: Prefix, Name: "[" + strconv.FormatInt(length, 10) + "]", Elem: elem}
}

// CopiedBack returns a parameter of that type that is copied back. mode is "out", "inout"
// or "compared".
func CopiedBack(mode string, t *Type) *Type { return &Type{Kind: Prefix, Name: mode + " ", Elem: t} }

// MapOf returns the type of maps from key to elem.
func MapOf(key, elem *Type) *Type { return &Type{Kind: Map, Key: key, Elem: elem} }

// FieldName returns the name of a field as signatures spell it: a name that is not an
// identifier is quoted, so that it differs from an integer.
func FieldName(name string) string {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return strconv.Quote(name)
		}
	}
	return name
}

// Instance returns the name of an instance of a generic type as the compiler spells it,
// with import paths in the type arguments. Without args it returns name.
func Instance(name string, args []*Type) string {
	if len(args) == 0 {
		return name
	}
	p := printer{compiled: true}
	p.list(args, ",")
	return name + "[" + p.String() + "]"
}

// Rename returns the name of a type with path in the place of each import path. If path
// returns "", the dot behind the import path goes as well. Tags of structs stay.
func Rename(name string, path func(string) string) string {
	if !strings.ContainsAny(name, "./") {
		return name
	}
	var b strings.Builder
	for name != "" {
		end := strings.IndexAny(name, `[]*,(){} ;"`)
		if end < 0 {
			end = len(name)
		}
		word := name[:end]
		if dot := strings.LastIndexByte(word, '.'); dot > strings.LastIndexByte(word, '/') {
			b.WriteString(strings.TrimPrefix(path(word[:dot])+".", "."))
			word = word[dot+1:]
		}
		b.WriteString(word)
		name = name[end:]
		between := name[:min(1, len(name))]
		if tag, err := strconv.QuotedPrefix(name); err == nil {
			between = tag
		}
		b.WriteString(between)
		name = name[len(between):]
	}
	return b.String()
}

// Bare returns the name of a type without import paths.
func Bare(name string) string { return Rename(name, func(string) string { return "" }) }

// String returns the type as signatures spell it. It may be called concurrently.
func (t *Type) String() string {
	var p printer
	p.typ(t)
	return p.String()
}

// String returns the text that programs compare. It may be called concurrently.
func (s *Signature) String() string {
	var p printer
	p.write("func(")
	p.list(s.Params, ", ")
	p.write(")")
	switch len(s.Results) {
	case 0:
	case 1:
		p.write(" ")
		p.typ(s.Results[0])
	default:
		p.write(" (")
		p.list(s.Results, ", ")
		p.write(")")
	}
	return p.String()
}

// printer writes types.
type printer struct {
	strings.Builder
	compiled bool     // as the compiler spells them
	brief    bool     // without the contents of structs and defined types
	within   []string // of brief: the defined types around the type, the outermost first
}

// write is not inlined, which keeps programs small.
//
//go:noinline
func (p *printer) write(text string) { p.WriteString(text) }

func (p *printer) typ(t *Type) {
	switch t.Kind {
	case Word:
		if p.compiled && t.Name == "any" {
			p.write("interface {}")
			return
		}
		p.write(t.Name)
	case Outer:
		if i := len(p.within) - t.Number; t.Number > 0 && i >= 0 {
			p.write(p.within[i])
			return
		}
		p.write("#" + strconv.Itoa(t.Number))
	case Prefix:
		p.write(t.Name)
		p.typ(t.Elem)
	case Map:
		p.write("map[")
		p.typ(t.Key)
		p.write("]")
		p.typ(t.Elem)
	case Struct:
		p.write("struct")
		p.contents(t)
	case Defined:
		p.write(t.Name)
		if !p.brief {
			p.contents(t.Elem)
		}
	}
}

// contents writes a type in braces, and of a struct the fields.
func (p *printer) contents(t *Type) {
	open, between, end := "{", ", ", "}"
	switch {
	case t.Kind != Struct:
		p.write(open)
		p.typ(t)
		p.write(end)
		return
	case p.brief:
		p.write("{…}")
		return
	case p.compiled && len(t.Fields) == 0:
		open = " {"
	case p.compiled:
		open, between, end = " { ", "; ", " }"
	}
	p.write(open)
	for i, f := range t.Fields {
		if i > 0 {
			p.write(between)
		}
		if f.Name != "" {
			p.write(f.Name + " ")
		}
		p.typ(f.Type)
		if f.Tag != "" {
			p.write(" " + strconv.Quote(f.Tag))
		}
	}
	p.write(end)
}

func (p *printer) list(types []*Type, separator string) {
	for i, t := range types {
		if i > 0 {
			p.write(separator)
		}
		p.typ(t)
	}
}
