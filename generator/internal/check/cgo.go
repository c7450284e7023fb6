package check

import (
	"go/types"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/load"
)

// requireCgo adds cgo to the constraint of the generated file if only files that import
// C declare the constructor of the type, or a method that can be shared.
func (s collector) requireCgo(o *Options) {
	title := strings.TrimLeft(UpperFirst(s.Spec.Base(o.Name)), "_")
	var needed []types.Object
	for _, name := range []string{o.New, "New" + title, "new" + title} {
		if fn, ok := s.Src.Types.Scope().Lookup(name).(*types.Func); ok {
			needed = append(needed, fn)
			break
		}
	}
	for sel := range types.NewMethodSet(types.NewPointer(s.typ)).Methods() {
		if fn, ok := sel.Obj().(*types.Func); ok && fn.Exported() && !slices.Contains(o.Skip, fn.Name()) && s.passesData(fn) {
			needed = append(needed, fn)
		}
	}
	isCgo := func(obj types.Object) bool {
		file := s.Src.FileOf(obj.Pos())
		return file != nil && load.ImportsC(file) && !s.isEverywhere(obj)
	}
	switch {
	case !slices.ContainsFunc(needed, isCgo):
	case s.Constraint == "":
		s.Constraint = "cgo"
	case strings.Contains(s.Constraint, "||"):
		s.Constraint = "(" + s.Constraint + ") && cgo"
	default:
		s.Constraint += " && cgo"
	}
}

// passesData reports whether all parameters and results of fn can travel.
func (s collector) passesData(fn *types.Func) bool {
	for _, tuple := range []*types.Tuple{fn.Signature().Params(), fn.Signature().Results()} {
		for v := range tuple.Variables() {
			if !isContext(v.Type()) && s.walk("", false).whole(v.Type()) != nil {
				return false
			}
		}
	}
	return true
}
