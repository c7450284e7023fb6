package check

import (
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// A constructor that cannot be used is replaced by a function of this package. Its
// declaration is printed as Go source, and lacks a body only.

// functionToWrite says which function to write in the place of fn. It takes the
// parameters of fn that are plain data, and returns *T, or T if fn does, and an error
// if fn does.
func (s makers) functionToWrite(fn *types.Func) string {
	name := s.freeFunction()
	params := s.plainParameters(fn.Signature())
	made, fails := "*"+s.source(s.Self), false
	if results := fn.Signature().Results(); results.Len() > 0 {
		t, pointer := Pointee(results.At(0).Type())
		if n, ok := t.(*types.Named); ok && n.Origin() == s.typ.Origin() && !pointer {
			made = made[1:]
		}
		fails = results.Len() == 2 && isError(results.At(1).Type())
	}
	if fails {
		made = "(" + made + ", error)"
	}
	return "write func " + name + s.typeParameters() + "(" + strings.Join(params, ", ") + ") " + made + " and say -new " + name
}

// source writes a type as gofmt does, with a space between type arguments.
func (s makers) source(t types.Type) string {
	text := types.TypeString(t, s.Src.qualify)
	if strings.Contains(text, `"`) { // a tag, whose commas stay as they are
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, ",", ", "), ",  ", ", ")
}

// freeFunction returns a name for a constructor that the package does not declare.
func (s makers) freeFunction() string {
	title := strings.TrimLeft(UpperFirst(s.typ.Obj().Name()), "_")
	scope := s.Src.Types.Scope()
	for i := 1; ; i++ {
		for _, verb := range []string{"new", "make", "open"} {
			name := verb + title
			if i > 1 {
				name += strconv.Itoa(i)
			}
			if scope.Lookup(name) == nil {
				return name
			}
		}
	}
}

// typeParameters returns the type parameters of a generic type as source: "[K
// comparable, V any]".
func (s makers) typeParameters() string {
	var list []string
	for _, p := range s.Params {
		list = append(list, p.Obj().Name()+" "+s.source(p.Constraint()))
	}
	if list == nil {
		return ""
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// plainParameters returns the parameters of a function that a constructor may have, as
// source. It returns none for a generic function, whose parameters may depend on type
// parameters of its own.
func (s makers) plainParameters(sig *types.Signature) []string {
	if sig.TypeParams().Len() > 0 {
		return nil
	}
	var list, names []string
	for i := range sig.Params().Len() {
		p := sig.Params().At(i)
		v := newValue("parameter", p, i, sig.Params().Len())
		last := sig.Variadic() && i == sig.Params().Len()-1
		context := i == 0 && isContext(v.Typ)
		if !context && s.walk(v.label, last).data(v.Typ, "", false) != nil {
			continue
		}
		name := v.User
		if name == "" {
			name = "p" + strconv.Itoa(i+1)
		}
		if slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
		text := s.source(v.Typ)
		if last {
			text = "..." + strings.TrimPrefix(text, "[]")
		}
		list = append(list, name+" "+text)
	}
	return list
}
