package generator

import (
	"go/types"
	"strings"

	"github.com/dave/jennifer/jen"
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

// spreads reports whether the last of the parameters that travel is variadic.
func (m *method) spreads() bool { return m.variadic && m.options == nil }

// proxyCall writes the body of a proxy's method that has options. It calls the daemon
// itself, since the client's method has no options that it could refuse.
func (s *service) proxyCall(g *jen.Group, m *method, ctx jen.Code, conn *jen.Statement) {
	err := jen.Id(m.local.err)
	refuse := s.stub("RefuseOptions").Call(jen.Id(m.local.encoder), jen.Lit(m.options.name), jen.Id(m.options.name))
	arguments := closure(m.local.encoder, s.stub("Encoder"), append(s.encode(jen.Id(m.local.encoder), m.withoutContext()), refuse))
	replied := append(s.decode(jen.Id(m.local.decoder), m.results), s.fill(jen.Id(m.local.decoder), m)...)
	results := closure(m.local.decoder, s.stub("Decoder"), replied)
	if len(replied) > 0 {
		arguments, results = jen.Line().Add(arguments), jen.Line().Add(results)
	}
	call := conn.Clone().Dot("Call").Call(ctx, jen.Id(s.names.numbers[m]), arguments, results)
	var returned []jen.Code
	for _, v := range m.results {
		returned = append(returned, jen.Id(v.name))
	}
	if len(m.results) > 0 && !m.named {
		s.declare(g, m.results)
	}
	switch {
	case m.fails && len(m.results) == 0:
		g.Return(call)
	case m.fails && m.named:
		g.Add(err).Op("=").Add(call)
		g.Return(append(returned, err)...)
	case m.fails:
		g.Add(err).Op(":=").Add(call)
		g.Return(append(returned, err)...)
	default:
		g.If(jen.Add(err).Op(":=").Add(call), jen.Add(err).Op("!=").Nil()).Block(s.fault(m, conn))
		if len(returned) > 0 {
			g.Return(returned...)
		}
	}
}

// methodType writes a nil function of the type of m's method expression without its
// options.
func (s *service) methodType(m *method) *jen.Statement {
	params := []jen.Code{jen.Op("*").Add(s.expr(s.self))}
	for _, v := range m.params {
		if v != m.options {
			params = append(params, s.expr(v.typ))
		}
	}
	var first []jen.Code
	if m.fluent {
		first = append(first, params[0])
	}
	unnamed := *m
	unnamed.named = false
	return jen.Parens(jen.Func().Params(params...).Add(s.resultList(&unnamed, m.fails, first...))).Call(jen.Nil())
}
