package check

import (
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Constructor makes the object in the daemon: it is a function, or an expression
// whose arguments are fixed.
type Constructor struct {
	Name     string       // the function as the user calls it, or the expression's text
	Fn       *types.Func  // nil for an expression
	TypeArgs []types.Type // of fn
	Expr     *Expression  // nil for a function
	Context  bool         // the first parameter is a context
	Params   []*Value
	Variadic bool
	Pointer  bool // it returns *T, not T
	Fails    bool // it returns an error too
	Empty    bool // it is a composite literal without elements
}

// zeroValue is the name that asks for the zero value where a constructor is named.
const zeroValue = "zero"

type constructors struct{ *Service }

// findConstructor sets s.Constructor, or leaves it nil for the zero value. It
// returns false after reporting one that cannot be used: to take the zero
// value instead would be a surprise at run time.
func (s constructors) findConstructor(r *Reporter, o *Options) bool {
	if o.New != "" && !token.IsIdentifier(o.New) {
		return s.constructorExpression(r, o.New)
	}
	if fn := s.ownConstructor(r, o); fn != nil {
		return s.useConstructor(r, fn, true)
	}
	if o.New == "" {
		return s.defaultConstructor(r, o)
	}
	if _, declared := s.Src.Types.Scope().Lookup(zeroValue).(*types.Func); o.New == zeroValue && !declared {
		r.Report(Note, s.Pos, s.TypeName(), "starts as the zero value, as asked", "")
		return true
	}
	own, other := s.Src.Types.Scope(), s.typ.Obj().Pkg().Scope()
	for _, scope := range []*types.Scope{own, other} {
		obj := scope.Lookup(o.New)
		if obj == nil || scope != own && !obj.Exported() {
			continue
		}
		if fn, ok := obj.(*types.Func); ok {
			return s.useConstructor(r, fn, true)
		}
		r.Report(Error, s.blamed(obj), o.New, "is not a function", "give the name of one with -new")
		return false
	}
	where, remedy := "in package "+s.Src.Types.Name(), "give the name of a function of this package with -new"
	if other != own {
		where, remedy = where+" nor in "+s.typ.Obj().Pkg().Path(), "give the name of a function of either with -new"
	}
	names := slices.Concat(namesOf[*types.Func](own), namesOf[*types.Func](other))
	r.Report(Error, token.NoPos, "-new", "no function "+o.New+" "+where, didYouMean(o.New, names, "", remedy))
	return false
}

// blamed returns the position where the user can change something about obj.
func (s *Service) blamed(obj types.Object) token.Pos {
	if obj.Pkg() == s.Src.Types {
		return obj.Pos()
	}
	return s.Pos
}

// useConstructor makes fn the constructor, or reports why it cannot be one. A function
// that was not asked for is passed over: in silence if it makes something else, with a
// warning if it makes the object.
func (s constructors) useConstructor(r *Reporter, fn *types.Func, asked bool) bool {
	name := s.Src.qualified(fn)
	c, made, reason := s.fit(r, fn, name)
	switch {
	case reason == "" && !s.isEverywhere(fn):
		r.Report(Error, s.blamed(fn), name, "cannot be the constructor of "+s.TypeName()+": not all builds of the package declare it alike: "+s.elsewhere(fn),
			"declare it in a file without build constraints, or name another function with -new")
		return true
	case reason == "":
		s.Constructor = c
		r.Report(Note, s.blamed(fn), name, "is the constructor of "+s.TypeName(), "")
		return true
	case asked:
		r.Report(Error, s.blamed(fn), name, "cannot be the constructor of "+s.TypeName()+": "+reason,
			makers(s).functionToWrite(fn))
	case made:
		remedy := "name another function with -new"
		if text := makers(s).newFlag(r, fn); text != "" {
			remedy = "fix its arguments, as in -new " + quoteFlag(text) + ", or " + remedy
		}
		r.Report(Warning, s.blamed(fn), name, "is not the constructor of "+s.TypeName()+", so that the daemon starts with the zero value: "+reason, remedy)
		return true
	}
	return false
}

// fit returns the constructor that fn is, or the reason why it is none, and
// whether it makes the object at all.
func (s constructors) fit(r *Reporter, fn *types.Func, name string) (c *Constructor, made bool, reason string) {
	typeArgs, sig := s.instantiate(fn.Signature())
	if sig == nil {
		return nil, false, "its type parameters do not follow from the type that it returns"
	}
	for _, arg := range typeArgs {
		if p := s.walk("its type argument", false).names(arg, ""); p != nil {
			return nil, true, p.String()
		}
	}
	c = &Constructor{Name: name, Fn: fn, TypeArgs: typeArgs, Variadic: sig.Variadic()}
	if !c.makes(s.Service, sig.Results()) {
		return nil, false, "it must return " + s.TypeName() + " or *" + s.TypeName() + ", and optionally an error"
	}
	n := sig.Params().Len()
	for i := range n {
		v := newValue("parameter", sig.Params().At(i), i, n)
		if i == 0 && isContext(v.Typ) {
			c.Context = true
			continue
		}
		last := c.Variadic && i == n-1
		p := s.walk(v.label, last).whole(v.Typ)
		if p != nil {
			p = p.writtenAt(s.Src, v.pos)
		}
		if p != nil && last && !p.lossy {
			c.Variadic = false
			r.Report(Note, s.blamed(fn), name, "is called without its options: "+p.String(), "")
			continue
		}
		if p != nil {
			return nil, true, p.String()
		}
		c.Params = append(c.Params, v)
	}
	return c, true, ""
}

// makes reports whether results are T or *T, and perhaps an error, and notes
// which.
func (c *Constructor) makes(s *Service, results *types.Tuple) bool {
	switch n := results.Len(); {
	case n == 2 && isError(results.At(1).Type()):
		c.Fails = true
	case n != 1:
		return false
	}
	t, pointer := Pointee(results.At(0).Type())
	c.Pointer = pointer
	return types.Identical(t, s.typ)
}

// outer returns the objects that c uses and that are declared outside of it.
func (c *Constructor) outer() []types.Object {
	switch {
	case c == nil || c.Empty:
		return nil
	case c.Fn != nil:
		return []types.Object{c.Fn}
	}
	return slices.Collect(maps.Values(c.Expr.Uses))
}

// Packages returns the packages whose names c needs.
func (c *Constructor) Packages() []*types.Package {
	var list []*types.Package
	for _, obj := range c.outer() {
		if name, ok := obj.(*types.PkgName); ok {
			list = append(list, name.Imported())
		} else if AtPackageLevel(obj) {
			list = append(list, obj.Pkg())
		}
	}
	return list
}

func (c *Constructor) uses(pkg *types.Package) bool { return slices.Contains(c.Packages(), pkg) }

// Names returns the names declared at package level that c uses.
func (c *Constructor) Names() []string {
	var list []string
	for _, obj := range c.outer() {
		if AtPackageLevel(obj) {
			list = append(list, obj.Name())
		}
	}
	return list
}

// instantiate gives a generic function the type arguments with which its first
// result is the shared type. It returns nil if there are none.
func (s constructors) instantiate(sig *types.Signature) ([]types.Type, *types.Signature) {
	if sig.TypeParams().Len() == 0 {
		return nil, sig
	}
	if sig.Results().Len() == 0 {
		return nil, nil
	}
	t, _ := Pointee(sig.Results().At(0).Type())
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
func (s constructors) ownConstructor(r *Reporter, o *Options) *types.Func {
	if o.New != "" {
		return nil
	}
	base := s.Spec.Name
	if !s.Spec.Declared() {
		base = s.Spec.Base(o.Name)
	}
	title := strings.TrimLeft(UpperFirst(base), "_")
	for _, name := range []string{"New" + title, "new" + title} {
		switch obj := s.Src.Types.Scope().Lookup(name).(type) {
		case *types.Func:
			return obj
		case *types.Var:
			if isKind[*types.Signature](nil, obj.Type()) {
				r.Report(Warning, obj.Pos(), name, "is not the constructor of "+s.TypeName()+", since it is a variable",
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
func (s constructors) defaultConstructor(r *Reporter, o *Options) bool {
	obj := s.typ.Obj()
	names := []string{"New" + obj.Name()}
	foreign := obj.Pkg() != s.Src.Types
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
			if _, made, reason := s.fit(&Reporter{Fset: r.Fset}, fn, name); reason != "" {
				if made && unfit == "" {
					unfit = s.Src.qualified(fn) + " cannot be it: " + reason
				}
				continue
			}
		}
		if s.useConstructor(r, fn, false) {
			return true
		}
	}
	if doubtful && !makers(s).requireConstructor(r, o, unfit) {
		return false
	}
	start := "the zero value"
	if isKind[*types.Map](nil, s.typ) {
		// A nil map is not the same object: the name keeps the two apart.
		s.Constructor = &Constructor{Name: types.TypeString(s.Self, s.Src.qualify) + "{}", Empty: true}
		start = "an empty map"
	}
	r.Report(Note, s.Pos, s.TypeName(), "has no constructor New"+strings.TrimLeft(UpperFirst(s.Spec.Name), "_")+": the daemon starts with "+start, "")
	return true
}

// UpperFirst returns s with its first letter in upper case.
func UpperFirst(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// LowerFirst lowers the first letter, or all of a leading initialism but the
// letter that begins the next word: HTTPCache gives httpCache.
func LowerFirst(s string) string {
	runes := []rune(s)
	for i, c := range runes {
		if !unicode.IsUpper(c) || i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
			break
		}
		runes[i] = unicode.ToLower(c)
	}
	return string(runes)
}
