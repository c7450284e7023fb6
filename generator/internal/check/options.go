package check

import (
	"go/types"
	"strings"
)

// optionsOf returns the last parameter of m if it takes options that cannot leave
// the process, as in Get(key string, opts ...Option), else nil. The client and the
// daemon do without it. The proxy has it, so it must be possible to write its type.
func (s judge) optionsOf(m *Method) *Value {
	if !m.Variadic || len(m.Params) == 0 {
		return nil
	}
	v := m.Params[len(m.Params)-1]
	slice, ok := v.Typ.(*types.Slice)
	if !ok || v.Passing != asValue || !isOptionType(v, slice.Elem()) {
		return nil
	}
	p := s.walk(v.label, true).data(v.Typ, "", false)
	if p == nil || p.lossy || s.walk(v.label, true).names(slice.Elem(), "") != nil {
		return nil
	}
	return v
}

// isOptionType reports whether elem, the type of the elements of v, is a function or
// an interface, and the name of the type or of v says that these are options.
func isOptionType(v *Value, elem types.Type) bool {
	if IsTypeParam(elem) || !isKind[*types.Signature](nil, elem) && !hasMethods(elem) {
		return false
	}
	names := v.User
	if tn := TypeNameOf(elem); tn != nil {
		names += " " + tn.Name()
	}
	return strings.Contains(strings.ToLower(names), "opt")
}
