package generator

import (
	"go/token"
	"go/types"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// constructor makes the object in the daemon: it is a function, or an expression
// whose arguments are fixed.
type constructor struct {
	name     string       // the function as the user calls it, or the expression's text
	fn       *types.Func  // nil for an expression
	typeArgs []types.Type // of fn
	expr     *expression  // nil for a function
	context  bool         // the first parameter is a context
	params   []*value
	variadic bool
	pointer  bool // it returns *T, not T
	fails    bool // it returns an error too
	empty    bool // it is a composite literal without elements
}

// zeroValue is the name that asks for the zero value where a constructor is named.
const zeroValue = "zero"

// findConstructor sets s.constructor, or leaves it nil for the zero value. It
// returns false after reporting one that cannot be used: to take the zero
// value instead would be a surprise at run time.
func (s *service) findConstructor(r *reporter, o *checkOptions) bool {
	if o.New != "" && !token.IsIdentifier(o.New) {
		return s.constructorExpression(r, o.New)
	}
	if fn := s.ownConstructor(r, o); fn != nil {
		return s.useConstructor(r, fn, true)
	}
	if o.New == "" {
		return s.defaultConstructor(r, o)
	}
	if _, declared := s.src.Types.Scope().Lookup(zeroValue).(*types.Func); o.New == zeroValue && !declared {
		r.report(Note, s.pos, s.typeName(), "starts as the zero value, as asked", "")
		return true
	}
	own, other := s.src.Types.Scope(), s.typ.Obj().Pkg().Scope()
	for _, scope := range []*types.Scope{own, other} {
		obj := scope.Lookup(o.New)
		if obj == nil || scope != own && !obj.Exported() {
			continue
		}
		if fn, ok := obj.(*types.Func); ok {
			return s.useConstructor(r, fn, true)
		}
		r.report(Error, s.blamed(obj), o.New, "is not a function", "give the name of one with -new")
		return false
	}
	where, remedy := "in package "+s.src.Types.Name(), "give the name of a function of this package with -new"
	if other != own {
		where, remedy = where+" nor in "+s.typ.Obj().Pkg().Path(), "give the name of a function of either with -new"
	}
	if near := nearest(o.New, slices.Concat(functionNames(own), functionNames(other))); near != "" {
		remedy = "did you mean " + near + "?"
	}
	r.report(Error, token.NoPos, "-new", "no function "+o.New+" "+where, remedy)
	return false
}

// blamed returns the position where the user can change something about obj.
func (s *service) blamed(obj types.Object) token.Pos {
	if obj.Pkg() == s.src.Types {
		return obj.Pos()
	}
	return s.pos
}

// useConstructor makes fn the constructor, or reports why it cannot be one. A function
// that was not asked for is passed over: in silence if it makes something else, with a
// warning if it makes the object.
func (s *service) useConstructor(r *reporter, fn *types.Func, asked bool) bool {
	name := s.src.qualified(fn)
	c, made, reason := s.fit(r, fn, name)
	switch {
	case reason == "" && !s.isEverywhere(fn):
		r.report(Error, s.blamed(fn), name, "cannot be the constructor of "+s.typeName()+": not all builds of the package declare it alike: "+s.elsewhere(fn),
			"declare it in a file without build constraints, or name another function with -new")
		return true
	case reason == "":
		s.constructor = c
		r.report(Note, s.blamed(fn), name, "is the constructor of "+s.typeName(), "")
		return true
	case asked:
		r.report(Error, s.blamed(fn), name, "cannot be the constructor of "+s.typeName()+": "+reason,
			s.functionToWrite(fn))
	case made:
		remedy := "name another function with -new"
		if text := s.newFlag(r, fn); text != "" {
			remedy = "fix its arguments, as in -new " + quoteFlag(text) + ", or " + remedy
		}
		r.report(Warning, s.blamed(fn), name, "is not the constructor of "+s.typeName()+", so that the daemon starts with the zero value: "+reason, remedy)
		return true
	}
	return false
}

// fit returns the constructor that fn is, or the reason why it is none, and
// whether it makes the object at all.
func (s *service) fit(r *reporter, fn *types.Func, name string) (c *constructor, made bool, reason string) {
	typeArgs, sig := s.instantiate(fn.Signature())
	if sig == nil {
		return nil, false, "its type parameters do not follow from the type that it returns"
	}
	for _, arg := range typeArgs {
		if p := s.walk("its type argument", false).names(arg, ""); p != nil {
			return nil, true, p.String()
		}
	}
	c = &constructor{name: name, fn: fn, typeArgs: typeArgs, variadic: sig.Variadic()}
	if !c.makes(s, sig.Results()) {
		return nil, false, "it must return " + s.typeName() + " or *" + s.typeName() + ", and optionally an error"
	}
	n := sig.Params().Len()
	for i := range n {
		v := newValue("parameter", sig.Params().At(i), i, n)
		if i == 0 && isContext(v.typ) {
			c.context = true
			continue
		}
		last := c.variadic && i == n-1
		p := s.walk(v.label, last).whole(v.typ)
		if p != nil {
			p = p.writtenAt(s.src, v.pos)
		}
		if p != nil && last && !p.lossy {
			c.variadic = false
			r.report(Note, s.blamed(fn), name, "is called without its options: "+p.String(), "")
			continue
		}
		if p != nil {
			return nil, true, p.String()
		}
		c.params = append(c.params, v)
	}
	return c, true, ""
}

// makes reports whether results are T or *T, and perhaps an error, and notes
// which.
func (c *constructor) makes(s *service, results *types.Tuple) bool {
	switch n := results.Len(); {
	case n == 2 && isError(results.At(1).Type()):
		c.fails = true
	case n != 1:
		return false
	}
	t, pointer := pointee(results.At(0).Type())
	c.pointer = pointer
	return types.Identical(t, s.typ)
}

// packages returns the packages whose names c needs.
func (c *constructor) packages() []*types.Package {
	switch {
	case c == nil || c.empty:
		return nil
	case c.fn != nil:
		return []*types.Package{c.fn.Pkg()}
	}
	var list []*types.Package
	for _, obj := range c.expr.uses {
		if name, ok := obj.(*types.PkgName); ok {
			list = append(list, name.Imported())
		} else if atPackageLevel(obj) {
			list = append(list, obj.Pkg())
		}
	}
	return list
}

// uses reports whether c needs a name of pkg.
func (c *constructor) uses(pkg *types.Package) bool { return slices.Contains(c.packages(), pkg) }

// names returns the names declared at package level that c uses.
func (c *constructor) names() []string {
	switch {
	case c == nil || c.empty:
		return nil
	case c.fn != nil:
		return []string{c.fn.Name()}
	}
	var list []string
	for _, obj := range c.expr.uses {
		if atPackageLevel(obj) {
			list = append(list, obj.Name())
		}
	}
	return list
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
	t, _ := pointee(sig.Results().At(0).Type())
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

// ownConstructor returns the function of this package that is called like a
// constructor of the type, unless another name is given.
func (s *service) ownConstructor(r *reporter, o *checkOptions) *types.Func {
	if o.New != "" {
		return nil
	}
	base := s.spec.name
	if !s.spec.declared() {
		base = s.spec.base(o.Name)
	}
	title := strings.TrimLeft(upperFirst(base), "_")
	for _, name := range []string{"New" + title, "new" + title} {
		switch obj := s.src.Types.Scope().Lookup(name).(type) {
		case *types.Func:
			return obj
		case *types.Var:
			if isKind[*types.Signature](nil, obj.Type()) {
				r.report(Warning, obj.Pos(), name, "is not the constructor of "+s.typeName()+", since it is a variable",
					"declare it with func, or name a function with -new")
			}
		}
	}
	return nil
}

// defaultConstructor looks for the constructor where the type is declared, which
// may be elsewhere or by another name: NewT, or New beside a foreign T if it
// makes one. Without one a map starts empty, and other types start as the zero value
// unless that is likely to be of no use.
func (s *service) defaultConstructor(r *reporter, o *checkOptions) bool {
	obj := s.typ.Obj()
	names := []string{"New" + obj.Name()}
	foreign := obj.Pkg() != s.src.Types
	if foreign {
		names = append(names, "New")
	}
	doubtful := foreign && hidesState(s.typ)
	unfit := "" // why one that makes the object cannot be called
	for _, name := range names {
		fn, ok := obj.Pkg().Scope().Lookup(name).(*types.Func)
		if !ok {
			continue
		}
		if doubtful {
			// One that does not fit is listed with the others.
			if _, made, reason := s.fit(&reporter{fset: r.fset}, fn, name); reason != "" {
				if made && unfit == "" {
					unfit = s.src.qualified(fn) + " cannot be it: " + reason
				}
				continue
			}
		}
		if s.useConstructor(r, fn, false) {
			return true
		}
	}
	if doubtful && !s.requireConstructor(r, o, unfit) {
		return false
	}
	start := "the zero value"
	if isKind[*types.Map](nil, s.typ) {
		// A nil map is not the same object: the name keeps the two apart.
		s.constructor = &constructor{name: types.TypeString(s.self, s.src.qualify) + "{}", empty: true}
		start = "an empty map"
	}
	r.report(Note, s.pos, s.typeName(), "has no constructor New"+strings.TrimLeft(upperFirst(s.spec.name), "_")+": the daemon starts with "+start, "")
	return true
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
