package check

import (
	"go/types"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// rule says of one kind of type why it cannot travel. The first rule that matches
// counts; a type without one is judged by its structure, see walk.go.
type rule struct {
	match  func(w *walk, t types.Type) bool
	reason string // completes "parameter p "
	remedy string
}

const asData = "pass or return the data itself"

// rules is the whole table of types that do not travel by their kind. Types that do not
// travel because of a field are in fields.go.
var rules = []rule{
	{isOfPackage("sync", "sync/atomic"), "must not be copied", "return its value"},
	{isOfPackage("reflect", "unsafe", "runtime/cgo"), "means something only in the process that made it", asData},
	unnameable,
	{isBasic(types.UnsafePointer), "is an address, and means nothing in another process", asData},
	{isKind[*types.Chan], "is a channel, which is not supported", "return the values in a slice"},
	{isIterator, "is an iterator, which is not supported", "return a slice or a map"},
	{isOption, "is an option in form of a function, which cannot leave its process", "take a struct of options"},
	{isKind[*types.Signature], "is a function, which is not supported", "do its work in the method, or return the data it works on"},
	{isContextResult, "is a context, which ends in its own process", "return what ends it, such as an error"},
	{isSecondContext, "is a context, and only one parameter can be a context", "take one context"},
	{isRawConn, "is a handle, and means nothing in another process", asData},
	{isUnnamedInterface, "is an interface without a name, which is not supported", "declare a type for it"},
	{isUnimplemented, "is an interface, and no data type known here implements it", "use a type that says what it holds"},
}

var unnameable = rule{isUnnameable, "has a type that cannot be named from this package", "use an exported type, or a type of your own"}

// IsTypeParam reports whether t is a type parameter.
func IsTypeParam(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.TypeParam)
	return ok
}

// isKind matches types whose underlying type is a T.
func isKind[T types.Type](_ *walk, t types.Type) bool {
	_, ok := t.Underlying().(T)
	return ok
}

func isBasic(kinds ...types.BasicKind) func(*walk, types.Type) bool {
	return func(_ *walk, t types.Type) bool {
		basic, ok := t.Underlying().(*types.Basic)
		return ok && slices.Contains(kinds, basic.Kind())
	}
}

// isOfPackage matches the named types of packages whose values do not travel.
func isOfPackage(paths ...string) func(*walk, types.Type) bool {
	return func(_ *walk, t types.Type) bool {
		n, ok := t.(*types.Named)
		return ok && n.Obj().Pkg() != nil && slices.Contains(paths, n.Obj().Pkg().Path()) && !isKind[*types.Interface](nil, t)
	}
}

// isUnnameable matches types that the generated file would have to write down and
// cannot.
func isUnnameable(w *walk, t types.Type) bool {
	n, ok := t.(*types.Named)
	return ok && !w.named && !w.src.nameable(n.Obj())
}

// nameable reports whether source in this package may use the name of tn.
func (src *Source) nameable(tn *types.TypeName) bool {
	pkg := tn.Pkg()
	if pkg == nil {
		return true
	}
	if tn.Parent() != nil && tn.Parent() != pkg.Scope() {
		return false // declared inside a function
	}
	return pkg == src.Types || tn.Exported() && pkg.Path() != load.CPath && src.canImport(pkg)
}

// canImport reports whether this package, which p is not, can import p. Packages that
// the standard library vendors are for itself only.
func (src *Source) canImport(p *types.Package) bool {
	return p.Name() != "main" && importable(src.Types.Path(), p.Path()) && !strings.HasPrefix(p.Path(), "vendor/")
}

// importable reports whether the internal element of path, if any, lets
// package from import it.
func importable(from, path string) bool {
	// The last one is the strictest.
	i := strings.LastIndex("/"+path+"/", "/internal/")
	if i < 0 {
		return true
	}
	root := strings.TrimSuffix(("/" + path)[:i], "/")
	return root != "" && strings.HasPrefix("/"+from+"/", root+"/")
}

func isIterator(_ *walk, t types.Type) bool {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok || sig.Results().Len() > 0 || sig.Params().Len() != 1 {
		return false
	}
	yield, ok := sig.Params().At(0).Type().Underlying().(*types.Signature)
	return ok && yield.Results().Len() == 1 && types.Identical(yield.Results().At(0).Type(), types.Typ[types.Bool])
}

// isOption matches function types in variadic place that are called so: ...Option.
func isOption(w *walk, t types.Type) bool {
	n, ok := t.(*types.Named)
	return ok && w.variadic && isKind[*types.Signature](w, t) && strings.Contains(strings.ToLower(n.Obj().Name()), "opt")
}

func isContextResult(w *walk, t types.Type) bool {
	return isContext(t) && strings.HasPrefix(w.label, "result")
}

func isSecondContext(_ *walk, t types.Type) bool { return isContext(t) }

// isUnnamedInterface matches interfaces other than any that are spelt out.
func isUnnamedInterface(_ *walk, t types.Type) bool {
	i, ok := t.(*types.Interface)
	return ok && !i.Empty()
}

// isUnimplemented matches interfaces with methods that nothing which can
// travel implements, as far as one can see.
func isUnimplemented(w *walk, t types.Type) bool {
	named, ok := t.(*types.Named)
	return ok && hasMethods(t) && !isError(t) && !w.implemented(named)
}

// hasMethods matches interfaces that do not hold just anything.
func hasMethods(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	return ok && !i.Empty()
}
