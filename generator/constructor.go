package generator

import (
	"go/token"
	"go/types"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// constructor is the function that makes the object in the daemon.
type constructor struct {
	name     string
	typeArgs []types.Type
	context  bool // the first parameter is a context
	params   []*value
	variadic bool
	pointer  bool // it returns *T, not T
	fails    bool // it returns an error too
	local    locals
}

// findConstructor sets s.constructor, or leaves it nil for the zero value. It
// returns false after reporting one that cannot be used: to take the zero
// value instead would be a surprise at run time.
func (s *service) findConstructor(r *reporter, o *Options) bool {
	fn := s.lookupConstructor(r, o)
	if fn == nil {
		return o.New == ""
	}
	bad := func(reason string) bool {
		r.report(Error, fn.Pos(), fn.Name(), "cannot be the constructor of "+s.typeName()+": "+reason,
			"write a function that can and name it with -new")
		return false
	}
	typeArgs, sig := s.instantiate(fn.Signature())
	if sig == nil {
		return bad("its type parameters do not follow from the type that it returns")
	}
	c := &constructor{name: fn.Name(), typeArgs: typeArgs, variadic: sig.Variadic()}
	switch n := sig.Results().Len(); {
	case n == 2 && isError(sig.Results().At(1).Type()):
		c.fails = true
	case n != 1:
		return bad("it must return " + s.typeName() + " or *" + s.typeName() + ", and optionally an error")
	}
	t := types.Unalias(sig.Results().At(0).Type())
	if p, ok := t.(*types.Pointer); ok {
		c.pointer, t = true, types.Unalias(p.Elem())
	}
	if !types.Identical(t, s.typ) {
		return bad("it must return " + s.typeName() + " or *" + s.typeName() + ", and optionally an error")
	}
	n := sig.Params().Len()
	for i := range n {
		v := newValue("parameter", sig.Params().At(i), i, n)
		if i == 0 && isContext(v.typ) {
			c.context = true
			continue
		}
		if p := s.walk(v.label, c.variadic && i == n-1).data(v.typ, "", false); p != nil {
			return bad(p.String())
		}
		c.params = append(c.params, v)
	}
	s.constructor = c
	r.report(Note, fn.Pos(), fn.Name(), "is the constructor of "+s.typeName(), "")
	return true
}

// instantiate gives a generic function the type arguments with which its first
// result is the shared type. It returns nil if there are none.
func (s *service) instantiate(sig *types.Signature) ([]types.Type, *types.Signature) {
	if sig.TypeParams().Len() == 0 {
		return nil, sig
	}
	if sig.Results().Len() == 0 {
		return nil, nil
	}
	t := types.Unalias(sig.Results().At(0).Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	made, ok := t.(*types.Named)
	if !ok || made.Origin() != s.typ.Origin() {
		return nil, nil
	}
	var args []types.Type
	for p := range sig.TypeParams().TypeParams() {
		i := slices.IndexFunc(slices.Collect(made.TypeArgs().Types()), func(t types.Type) bool { return t == p })
		if i < 0 {
			return nil, nil
		}
		args = append(args, s.typ.TypeArgs().At(i))
	}
	instance, err := types.Instantiate(nil, sig, args, true)
	if err != nil {
		return nil, nil
	}
	return args, instance.(*types.Signature)
}

// lookupConstructor returns the function to make the object with, or nil.
func (s *service) lookupConstructor(r *reporter, o *Options) *types.Func {
	scope := s.src.types.Scope()
	if o.New != "" {
		obj := scope.Lookup(o.New)
		if fn, ok := obj.(*types.Func); ok {
			return fn
		}
		if obj != nil {
			r.report(Error, obj.Pos(), o.New, "is not a function", "give the name of one with -new")
			return nil
		}
		remedy := "give the name of a function of this package with -new"
		if near := nearest(o.New, functionNames(scope)); near != "" {
			remedy = "did you mean " + near + "?"
		}
		r.report(Error, token.NoPos, "-new", "no function "+o.New+" in package "+s.src.types.Name(), remedy)
		return nil
	}
	title := strings.TrimLeft(upperFirst(s.spec.name), "_")
	for _, name := range []string{"New" + title, "new" + title} {
		switch obj := scope.Lookup(name).(type) {
		case *types.Func:
			return obj
		case *types.Var:
			if isKind[*types.Signature](nil, obj.Type()) {
				r.report(Warning, obj.Pos(), name, "is not the constructor of "+s.typeName()+", since it is a variable",
					"declare it with func, or name a function with -new")
			}
		}
	}
	r.report(Note, s.pos, s.typeName(), "has no constructor New"+title+": the daemon starts with the zero value", "")
	return nil
}

func functionNames(scope *types.Scope) []string {
	var names []string
	for _, name := range scope.Names() {
		if _, ok := scope.Lookup(name).(*types.Func); ok {
			names = append(names, name)
		}
	}
	return names
}

func upperFirst(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// lowerFirst lowers the first letter, or all of a leading initialism but the
// letter that begins the next word: HTTPCache gives httpCache.
func lowerFirst(s string) string {
	runes := []rune(s)
	for i, c := range runes {
		if !unicode.IsUpper(c) || i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
			break
		}
		runes[i] = unicode.ToLower(c)
	}
	return string(runes)
}
