package generator

import (
	"go/types"
	"slices"
	"strings"
)

// writtenParameter returns a parameter that the method fills for its caller
// and that does not come back, or nil. The caller's slice or variable is in
// another process: served as plain data, the method would seem to work and leave
// it as it was.
//
// A method is judged by its body, see writes.go. In other packages, of which not
// all bodies are at hand, the names of method and parameter do as well. handedOn is
// set if it was not seen to write, only to give the parameter away.
func (src *source) writtenParameter(m *method) (written *value, handedOn bool) {
	for i, v := range m.params {
		if i == m.context || v.user == "" || v.passing.back || !canBeFilled(v.typ) || m.variadic && i == len(m.params)-1 || m.givesBack(v) {
			continue
		}
		src.findBody(m)
		w := m.newWrites(i)
		if m.decl == nil && (isDestination(v) || m.reads(v) || m.sorts(v)) || m.body != nil && w.function(m.body, v.user) {
			return v, w.handedOn
		}
	}
	return nil, false
}

func isDestination(v *value) bool { return v.user == "dst" || v.user == "dest" }

// givesBack recognises AppendEncode(dst, src []byte) []byte by the names: it
// returns what it has written, and the caller takes that.
func (m *method) givesBack(v *value) bool {
	_, slice := types.Unalias(v.typ).Underlying().(*types.Slice)
	return slice && (startsWith(m.name, "Append") || m.decl == nil && isDestination(v)) &&
		slices.ContainsFunc(m.results, func(result *value) bool { return types.Identical(result.typ, v.typ) })
}

// canBeFilled reports whether what a parameter of type t holds can be changed for
// the caller.
func canBeFilled(t types.Type) bool {
	switch types.Unalias(t).Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
		return true
	}
	return false
}

const (
	readSignature   = "func([]byte) (int, error)"
	readAtSignature = "func([]byte, int64) (int, error)"
)

// fillsByName recognises Read(p []byte) (int, error) and its kin.
func fillsByName(m *method, v *value) bool {
	return m.reads(v) && types.Identical(types.Unalias(v.typ).Underlying().(*types.Slice).Elem(), types.Typ[types.Byte])
}

// reads reports whether by its name and first result m tells how many elements of
// v, a slice, it has filled.
func (m *method) reads(v *value) bool {
	if _, ok := types.Unalias(v.typ).Underlying().(*types.Slice); !ok || len(m.results) == 0 {
		return false
	}
	basic, ok := m.results[0].typ.Underlying().(*types.Basic)
	return ok && basic.Kind() == types.Int && (strings.HasPrefix(m.name, "Read") || strings.HasPrefix(m.name, "Recv"))
}

// sorts reports whether by its name m puts v, a slice, in another order.
func (m *method) sorts(v *value) bool {
	_, ok := types.Unalias(v.typ).Underlying().(*types.Slice)
	return ok && len(m.results) == 0 && startsWith(m.name, "Reverse", "Shuffle", "Sort")
}
