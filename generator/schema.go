package generator

import (
	"go/types"
	"strings"
)

// Schema is what programs built from one version of a type agree on, in the
// words that they compare: signatures as in rt/PROTOCOL.md. The type parameters
// of a generic type are called $1, $2, and so on in them.
type Schema struct {
	Service     string        // import path and name of the type
	TypeParams  int           // how many a generic type has
	Constructor SchemaEntry   // name and parameters; no name for the zero value
	Methods     []SchemaEntry // names and signatures, sorted
	Types       []SchemaEntry // that interfaces may hold: import path and name, structure
	Errors      []SchemaEntry // error types that come back as themselves
	Sentinels   []string      // error variables that do
}

// SchemaEntry is a name and the text of a signature or type.
type SchemaEntry struct{ Name, Text string }

// schema describes a service whose names are chosen.
func (s *service) schema() Schema {
	schema := Schema{Service: s.serviceName(), TypeParams: len(s.params)}
	if c := s.constructor; c != nil {
		schema.Constructor = SchemaEntry{c.name, s.spellSignature(c.params, nil)}
	}
	for _, m := range s.methods {
		if !m.detach {
			results := m.results
			if m.fails {
				results = append(results[:len(results):len(results)], &value{typ: types.Universe.Lookup("error").Type()})
			}
			schema.Methods = append(schema.Methods, SchemaEntry{m.name, s.spellSignature(m.withoutContext(), results)})
		}
	}
	for _, t := range s.dataTypes {
		named := t.(*types.Named)
		name := named.Obj().Pkg().Path() + "." + s.reflectName(named, (*types.Package).Path)
		schema.Types = append(schema.Types, SchemaEntry{name, s.spellType(t)})
	}
	for _, e := range s.errorTypes {
		schema.Errors = append(schema.Errors, SchemaEntry{s.errorName(e.obj), s.spellType(e.obj.Type())})
	}
	for _, v := range s.sentinels {
		schema.Sentinels = append(schema.Sentinels, s.errorName(v))
	}
	return schema
}

// spellSignature writes what a client and a daemon compare, as SignatureOf of package
// stub does from the compiled types.
func (s *service) spellSignature(params, results []*value) string {
	list := func(values []*value) string {
		var all []string
		for _, v := range values {
			mode := ""
			if v.passing.list != "" {
				mode = strings.ToLower(v.passing.list) + " "
			}
			all = append(all, mode+s.spellType(v.typ))
		}
		return strings.Join(all, ", ")
	}
	text := "func(" + list(params) + ")"
	switch {
	case len(results) == 1:
		text += " " + list(results)
	case len(results) > 1:
		text += " (" + list(results) + ")"
	}
	return text
}

func (s *service) spellType(t types.Type) string {
	sp := speller{service: s}
	sp.spell(t)
	return sp.String()
}
