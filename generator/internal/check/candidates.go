package check

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxMakers is how many functions a diagnostic lists.
const maxMakers = 4

// hidesState reports whether t is a struct with fields that other packages cannot
// set, its own fields or fields of embedded structs of its package.
func hidesState(t *types.Named) bool {
	return hides(t, t.Obj().Pkg(), make(map[*types.Named]bool))
}

func hides(t *types.Named, pkg *types.Package, seen map[*types.Named]bool) bool {
	st, ok := t.Underlying().(*types.Struct)
	if !ok || seen[t] || t.Obj().Pkg() != pkg {
		return false
	}
	seen[t] = true
	for f := range st.Fields() {
		switch {
		case !f.Exported() && f.Name() != "_":
			return true
		case f.Embedded():
			inner, _ := Pointee(f.Type())
			if named, ok := types.Unalias(inner).(*types.Named); ok && hides(named, pkg, seen) {
				return true
			}
		}
	}
	return false
}

// makers finds functions that make the object, or says which to write.
type makers struct{ *Service }

// requireConstructor reports a type of another package that hides its state and has
// no constructor by its name, if there are functions that return it. The zero value
// of such a type often compiles and fails at run time, so that the user has to choose.
// unfit says why one by its name cannot be called, if there is one.
func (s makers) requireConstructor(r *Reporter, o *Options, unfit string) bool {
	found := s.candidates()
	if len(found) == 0 {
		return true
	}
	var flags []string
	for _, fn := range found {
		if len(flags) == maxMakers {
			break
		}
		if text := s.newFlag(r, fn); text != "" {
			flags = append(flags, "-new "+quoteFlag(text))
		}
	}
	remedy := "write a function that returns it and name that with -new"
	if len(flags) > 0 {
		remedy = "use " + strings.Join(flags, " or ")
		if more := len(found) - len(flags); more > 0 {
			verb := "return"
			if more == 1 {
				verb = "returns"
			}
			remedy += fmt.Sprintf(" (%d more of package %s %s it)", more, s.typ.Obj().Pkg().Name(), verb)
		}
	}
	remedy += ", or -new zero for the zero value"
	if len(o.Types) > 1 {
		remedy += ", in a go:generate line for this type alone"
	}
	reason := "needs -new: it has fields that are not exported, and "
	if unfit == "" {
		reason += "package " + s.typ.Obj().Pkg().Name() + " has no constructor New" + s.typ.Obj().Name()
	} else {
		reason += "a constructor, but " + unfit
	}
	r.Report(Error, s.Pos, s.TypeName(), reason, remedy)
	return false
}

// quoteFlag quotes the value of a flag such that a go:generate line and a shell read
// it alike: a name as it is, anything else in double quotes.
func quoteFlag(text string) string {
	special := func(c rune) bool { return c != '.' && c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) }
	if strings.ContainsFunc(text, special) {
		return strconv.Quote(text)
	}
	return text
}

// candidates returns the exported functions beside the type that return T or *T, and
// perhaps an error, the likeliest constructor first. Functions that take a T change or
// combine such values, and are none.
func (s makers) candidates() []*types.Func {
	var found []*types.Func
	rank := make(map[*types.Func]int)
	for _, fn := range objects[*types.Func](s.typ.Obj().Pkg().Scope()) {
		if !fn.Exported() {
			continue
		}
		_, sig := constructors(s).instantiate(fn.Signature())
		if sig == nil || !new(Constructor).makes(s.Service, sig.Results()) || s.takesItself(sig) || !s.isEverywhere(fn) {
			continue
		}
		found = append(found, fn)
		rank[fn] = s.rank(fn.Name(), sig)
	}
	slices.SortStableFunc(found, func(a, b *types.Func) int { return rank[a] - rank[b] })
	return found
}

// takesItself reports whether a parameter of sig is a T, or pointers or slices of it.
func (s makers) takesItself(sig *types.Signature) bool {
	for p := range sig.Params().Variables() {
		t := types.Unalias(p.Type())
		for {
			elem, ok := t.Underlying().(interface{ Elem() types.Type })
			if _, named := t.(*types.Named); named || !ok {
				break
			}
			t = types.Unalias(elem.Elem())
		}
		if types.Identical(t, s.typ) {
			return true
		}
	}
	return false
}

// makingVerbs begin the names of constructors, the likeliest first.
var makingVerbs = []string{"New", "Open", "Connect", "Dial", "Make", "Create"}

// lateVerbs begin the names of functions that read a value of the type from somewhere
// rather than make one, or panic where another one fails.
var lateVerbs = []string{"Decode", "From", "Must", "Parse", "Read", "Scan", "Unmarshal"}

// rank orders functions by how likely they are meant: one called like a constructor,
// one named with the type, any other, one that decodes, and one for tests or that
// returns a value from its context.
func (s makers) rank(name string, sig *types.Signature) int {
	const step = 100
	for _, word := range []string{"Test", "Mock", "Fake", "Stub", "Example", "FromContext"} {
		if strings.Contains(name, word) {
			return 4 * step
		}
	}
	for p := range sig.Params().Variables() {
		t, _ := Pointee(p.Type())
		if tn := TypeNameOf(t); tn != nil && tn.Pkg() != nil && tn.Pkg().Path() == "testing" {
			return 4 * step
		}
	}
	if slices.ContainsFunc(lateVerbs, func(verb string) bool { return beginsWith(name, verb) }) {
		return 3 * step
	}
	for i, verb := range makingVerbs {
		switch {
		case name == verb || name == verb+s.typ.Obj().Name():
			return 2 * i
		case beginsWith(name, verb):
			return 2*i + 1
		}
	}
	if strings.Contains(name, s.typ.Obj().Name()) {
		return step
	}
	return 2 * step
}

// beginsWith reports whether name is verb, or goes on after it with another word.
func beginsWith(name, verb string) bool {
	rest, ok := strings.CutPrefix(name, verb)
	return ok && (rest == "" || !unicode.IsLower([]rune(rest)[0]))
}

// newFlag returns the value of -new that has fn make the object: its name if clients
// can give its arguments, else a call with placeholders for them. It returns "" if
// neither can be written.
func (s makers) newFlag(r *Reporter, fn *types.Func) string {
	name := fn.Name()
	if s.Src.Types.Scope().Lookup(name) != nil {
		name = fn.Pkg().Name() + "." + name
	}
	quiet := &Reporter{Fset: r.Fset}
	if _, _, reason := constructors(s).fit(quiet, fn, name); reason == "" {
		if name == fn.Name() {
			return name
		}
		if _, named, _, _ := constructors(s).parseConstructor(name); named == fn {
			return name
		}
	}
	text := s.placeholderCall(fn, name)
	if text == "" {
		return ""
	}
	if _, _, reason, _ := constructors(s).parseConstructor(text); reason != "" {
		return ""
	}
	return text
}

// placeholderCall returns a call of fn, called name, with an argument of the right
// type for each parameter but options, or "" if some type cannot be named.
func (s makers) placeholderCall(fn *types.Func, name string) string {
	typeArgs, sig := constructors(s).instantiate(fn.Signature())
	if len(typeArgs) > 0 {
		var list []string
		for _, t := range typeArgs {
			list = append(list, types.TypeString(t, s.Src.qualify))
		}
		name += "[" + strings.Join(list, ", ") + "]"
	}
	var args []string
	for i := range sig.Params().Len() {
		if sig.Variadic() && i == sig.Params().Len()-1 {
			break
		}
		arg := s.argument(sig.Params().At(i).Type())
		if arg == "" {
			return ""
		}
		args = append(args, arg)
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// argument returns an expression of type t that stands for one of the user's.
func (s makers) argument(t types.Type) string {
	switch {
	case isContext(t):
		return "context.Background()"
	case IsNamed(t, "io/fs", "FileMode"):
		return "0600"
	case IsTypeParam(t):
		return "*new(" + types.TypeString(t, s.Src.qualify) + ")"
	}
	switch u := types.Unalias(t).Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsString != 0:
			return `"…"`
		case u.Info()&types.IsBoolean != 0:
			return "false"
		case u.Kind() == types.UnsafePointer:
			return "nil"
		}
		return "0"
	case *types.Struct, *types.Array:
		if tn := TypeNameOf(t); tn != nil && !ast.IsExported(tn.Name()) && tn.Pkg() != s.Src.Types {
			return ""
		}
		return types.TypeString(t, s.Src.qualify) + "{}"
	}
	return "nil"
}
