package generator

import (
	"go/types"
	"strings"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/rt/schema"
)

// schema describes a service whose names are chosen. The type parameters of a generic
// type are called $1, $2, and so on in it.
func (s *shared) schema() schema.Service {
	list := schema.Service{Name: s.serviceName(), TypeParams: len(s.Params)}
	if c := s.Constructor; c != nil {
		list.Constructor = schema.Entry{Name: c.Name, Text: s.signatureOf(c.Params, nil)}
	}
	for _, m := range s.Methods {
		if !m.Detach {
			results := m.Results
			if m.Fails {
				results = append(results[:len(results):len(results)], &check.Value{Typ: types.Universe.Lookup("error").Type()})
			}
			list.Methods = append(list.Methods, schema.Entry{Name: m.Name, Text: s.signatureOf(m.WithoutContext(), results)})
		}
	}
	for _, t := range s.DataTypes {
		named := t.(*types.Named)
		name := named.Obj().Pkg().Path() + "." + s.compiledName(named)
		list.Types = append(list.Types, schema.Entry{Name: name, Text: s.spelled(t).String()})
	}
	for _, e := range s.ErrorTypes {
		list.Errors = append(list.Errors, schema.Entry{Name: s.errorName(e.Obj), Text: s.spelled(e.Obj.Type()).String()})
	}
	for _, v := range s.Sentinels {
		list.Sentinels = append(list.Sentinels, schema.Entry{Name: s.errorName(v)})
	}
	return list
}

// signatureOf returns the text that a client and a daemon compare.
func (s *shared) signatureOf(params, results []*check.Value) string {
	trees := func(values []*check.Value) (list []*schema.Type) {
		for _, v := range values {
			t := s.spelled(v.Typ)
			if mode := v.Passing.List; v.Passing.Back && mode != "" {
				t = schema.CopiedBack(strings.ToLower(mode), t)
			}
			list = append(list, t)
		}
		return list
	}
	return (&schema.Signature{Params: trees(params), Results: trees(results)}).String()
}
