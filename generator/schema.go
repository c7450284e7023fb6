package generator

import (
	"go/types"
	"strings"

	"github.com/loopgen/loopgen/rt/schema"
)

// schema describes a service whose names are chosen. The type parameters of a generic
// type are called $1, $2, and so on in it.
func (s *shared) schema() schema.Service {
	list := schema.Service{Name: s.serviceName(), TypeParams: len(s.params)}
	if c := s.constructor; c != nil {
		list.Constructor = schema.Entry{Name: c.name, Text: s.signatureOf(c.params, nil)}
	}
	for _, m := range s.methods {
		if !m.detach {
			results := m.results
			if m.fails {
				results = append(results[:len(results):len(results)], &value{typ: types.Universe.Lookup("error").Type()})
			}
			list.Methods = append(list.Methods, schema.Entry{Name: m.name, Text: s.signatureOf(m.withoutContext(), results)})
		}
	}
	for _, t := range s.dataTypes {
		named := t.(*types.Named)
		name := named.Obj().Pkg().Path() + "." + s.compiledName(named)
		list.Types = append(list.Types, schema.Entry{Name: name, Text: s.spelled(t).String()})
	}
	for _, e := range s.errorTypes {
		list.Errors = append(list.Errors, schema.Entry{Name: s.errorName(e.obj), Text: s.spelled(e.obj.Type()).String()})
	}
	for _, v := range s.sentinels {
		list.Sentinels = append(list.Sentinels, schema.Entry{Name: s.errorName(v)})
	}
	return list
}

// signatureOf returns the text that a client and a daemon compare.
func (s *shared) signatureOf(params, results []*value) string {
	trees := func(values []*value) (list []*schema.Type) {
		for _, v := range values {
			t := s.spelled(v.typ)
			if mode := v.passing.list; v.passing.back && mode != "" {
				t = schema.CopiedBack(strings.ToLower(mode), t)
			}
			list = append(list, t)
		}
		return list
	}
	return (&schema.Signature{Params: trees(params), Results: trees(results)}).String()
}
