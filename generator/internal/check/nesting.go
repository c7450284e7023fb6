package check

import (
	"fmt"
	"go/types"
)

// Numbers of the runtime: how deep arrays and maps may be nested in a value, and how
// deep they are in an error. A script calls methods with values of that depth.
const (
	maxNesting   = 32
	errorNesting = 3
)

// tooDeep refuses a value that nests more levels of arrays and maps than can be
// sent. outside is how many there are around the value.
func (w *walk) tooDeep(t types.Type, outside int) *problem {
	n := nesting{walk: w, index: make(map[*types.Named]int), open: make(map[*types.Named]bool), levels: make(map[*types.Named]int)}
	levels := n.of(t) + outside
	if levels <= maxNesting {
		return nil
	}
	return w.refuse(t, "", fmt.Sprintf("nests arrays, maps and structs %d deep, and %d is the most that can be sent", levels, maxNesting), "use a type with fewer levels")
}

// nesting counts the levels of types. How deep a recursive type nests depends on
// its value, so that a level within the recursion does not count. Tarjan's
// algorithm finds the types that contain each other: they are a component.
type nesting struct {
	*walk
	index  map[*types.Named]int  // in order of discovery, from 1
	open   map[*types.Named]bool // the component is not complete
	stack  []*types.Named        // those that are open
	lowest int                   // the smallest index of an open type that was met
	levels map[*types.Named]int
}

// of returns the levels of a value of type t, which is data.
func (n *nesting) of(t types.Type) int {
	t = types.Unalias(t)
	named, ok := t.(*types.Named)
	switch {
	case IsTypeParam(t):
		return 0
	case isError(t):
		return errorNesting
	case !ok:
		return n.structure(t)
	case n.open[named]:
		n.lowest = min(n.lowest, n.index[named])
		return 0
	case n.index[named] > 0:
		return n.levels[named]
	case n.travelsWhole(named):
		return 0
	}
	return n.defined(named)
}

// defined returns the levels of a type that was not met before, or 0 if it is of
// the same component as an open one.
func (n *nesting) defined(named *types.Named) int {
	index, outer := len(n.index)+1, n.lowest
	n.index[named], n.open[named], n.lowest = index, true, index
	n.stack = append(n.stack, named)
	n.levels[named] = n.structure(named.Underlying())
	if n.lowest < index {
		n.lowest = min(n.lowest, outer)
		return 0
	}
	n.lowest = outer
	for last := (*types.Named)(nil); last != named; {
		last = n.stack[len(n.stack)-1]
		n.stack = n.stack[:len(n.stack)-1]
		n.open[last] = false
	}
	return n.levels[named]
}

func (n *nesting) structure(t types.Type) int {
	switch t := t.(type) {
	case *types.Basic:
		if t.Info()&types.IsComplex != 0 {
			return 1 // an array of two numbers
		}
	case *types.Pointer:
		return n.of(t.Elem())
	case *types.Map:
		return 1 + max(n.of(t.Key()), n.of(t.Elem()))
	case *types.Struct:
		return 1 + n.fields(t)
	case *types.Interface:
		return 1 // an array of the type's name and the value
	case interface{ Elem() types.Type }: // a slice or an array
		if !isBasic(types.Uint8)(n.walk, t.Elem()) {
			return 1 + n.of(t.Elem())
		}
	}
	return 0
}

// fields returns the levels of the deepest field. Those of embedded structs travel
// as fields of st.
func (n *nesting) fields(st *types.Struct) int {
	deepest := 0
	for i := range st.NumFields() {
		f := st.Field(i)
		if f.Name() == "_" {
			continue
		}
		if inner := n.spread(st, i); inner != nil {
			deepest = max(deepest, n.fields(inner))
		} else {
			deepest = max(deepest, n.of(f.Type()))
		}
	}
	return deepest
}
