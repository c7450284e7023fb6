package generator

import (
	"go/types"
	"strings"
)

// optionsOf returns the last parameter of m if it takes options that cannot leave
// the process, as in Get(key string, opts ...Option), else nil. The client and the
// daemon do without it. The proxy has it, so it must be possible to write its type.
func (s *service) optionsOf(m *method) *value {
	if !m.variadic || len(m.params) == 0 {
		return nil
	}
	v := m.params[len(m.params)-1]
	slice, ok := v.typ.(*types.Slice)
	if !ok || v.passing != asValue || !isOptionType(v, slice.Elem()) {
		return nil
	}
	p := s.walk(v.label, true).data(v.typ, "", false)
	if p == nil || p.lossy || s.walk(v.label, true).names(slice.Elem(), "") != nil {
		return nil
	}
	return v
}

// isOptionType reports whether elem, the type of the elements of v, is a function or
// an interface, and the name of the type or of v says that these are options.
func isOptionType(v *value, elem types.Type) bool {
	if isTypeParam(elem) || !isKind[*types.Signature](nil, elem) && !hasMethods(elem) {
		return false
	}
	names := v.user
	if tn := typeNameOf(elem); tn != nil {
		names += " " + tn.Name()
	}
	return strings.Contains(strings.ToLower(names), "opt")
}
