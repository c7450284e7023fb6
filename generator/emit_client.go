package generator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"
)

// emitShare writes the function by which users open the singleton.
func (s *service) emitShare(f *jen.File) {
	n, c := &s.names, s.constructor
	if c == nil {
		c = &constructor{}
		c.local.choose(newScope())
	}
	comment(f.Group, s.shareDoc(c.local.cfg)...)
	config := jen.Id(c.local.cfg).Add(s.rt("Config"))
	handle := func(name string) jen.Code {
		return jen.Line().Func().Params(jen.Id(c.local.conn).Op("*").Add(s.rt("Conn"))).Op("*").Add(s.instance(name)).
			Custom(jen.Options{Open: "{ ", Close: " }"}, jen.Return(pointer(s.instance(name)).Call(jen.Id(c.local.conn))))
	}
	svc := s.instance(n.service)
	if len(s.params) > 0 {
		svc.Call()
	}
	arguments := closure(c.local.encoder, s.stub("Encoder"), s.encode(jen.Id(c.local.encoder), c.params))
	f.Func().Add(s.generic(n.share)).
		Params(append([]jen.Code{config}, s.parameters(c.params, c.variadic)...)...).
		Op("*").Add(s.rt("Shared")).Types(jen.Op("*").Add(s.instance(n.client)), jen.Op("*").Add(s.instance(n.proxy))).
		Block(jen.Return(s.rt("NewShared").Call(
			jen.Id(c.local.cfg), svc, handle(n.client), handle(n.proxy), jen.Line().Add(arguments))))
	f.Line()
}

func (s *service) shareDoc(cfg string) []string {
	n := &s.names
	doc := []string{
		fmt.Sprintf("%s returns the %s that all processes with the same %s share. It", n.share, s.typeName(), cfg),
		"starts nothing yet: the daemon that holds the object is started by the first use.",
	}
	if len(s.params) > 0 {
		doc = append(doc, "Declare what it returns in a package-level var: a daemon has no other instances.")
	}
	c := s.constructor
	switch {
	case c == nil:
		return append(doc, fmt.Sprintf("The object is the zero value of %s.", s.typeName()))
	case c.empty:
		return append(doc, fmt.Sprintf("The object starts as an empty %s.", s.typeName()))
	case len(c.params) == 0:
		return append(doc, fmt.Sprintf("The object is made there by %s.", c.name))
	}
	return append(doc, fmt.Sprintf("The other parameters are those of %s, which the daemon makes the object with.", c.name))
}

// emitClient writes the client: every method with a context first and an
// error last.
func (s *service) emitClient(f *jen.File) {
	n := &s.names
	comment(f.Group, fmt.Sprintf("%s calls the shared %s. Each method takes a context, which bounds and", n.client, s.typeName()),
		"cancels the call, and returns the method's own error or what went wrong on the",
		"way. It is safe for concurrent use.")
	f.Type().Add(s.generic(n.client)).Add(s.rt("Conn"))
	f.Line()
	for _, m := range s.methods {
		if m.detach {
			s.emitClientClose(f, m)
		} else {
			s.emitClientMethod(f, m)
		}
	}
}

func (s *service) emitClientMethod(f *jen.File, m *method) {
	n := &s.names
	name := clientName(m.name)
	comment(f.Group, s.clientDoc(m, name)...)
	params := append([]jen.Code{jen.Id(m.local.ctx).Add(s.context())}, s.parameters(m.withoutContext(), m.spreads())...)
	arguments := closure(m.local.encoder, s.stub("Encoder"), s.encode(jen.Id(m.local.encoder), m.withoutContext()))
	replied := append(s.decode(jen.Id(m.local.decoder), m.results), s.fill(jen.Id(m.local.decoder), m)...)
	results := closure(m.local.decoder, s.stub("Decoder"), replied)
	if len(m.withoutContext()) > 0 && len(replied) > 0 {
		arguments, results = jen.Line().Add(arguments), jen.Line().Add(results)
	}
	call := pointer(s.rt("Conn")).Call(jen.Id(n.receiver.client)).Dot("Call").
		Call(jen.Id(m.local.ctx), jen.Id(n.numbers[m]), arguments, results)
	var itself, returned []jen.Code
	if m.fluent {
		itself = append(itself, jen.Op("*").Add(s.instance(n.client)))
		returned = append(returned, jen.Id(n.receiver.client))
	}
	f.Func().Params(jen.Id(n.receiver.client).Op("*").Add(s.instance(n.client))).Id(name).Params(params...).
		Add(s.resultList(m, true, itself...)).
		BlockFunc(func(g *jen.Group) {
			if len(m.results) == 0 {
				g.Return(append(returned, call)...)
				return
			}
			if m.named {
				g.Id(m.local.err).Op("=").Add(call)
			} else {
				s.declare(g, m.results)
				g.Id(m.local.err).Op(":=").Add(call)
			}
			for _, v := range m.results {
				returned = append(returned, jen.Id(v.name))
			}
			g.Return(append(returned, jen.Id(m.local.err))...)
		})
	f.Line()
}

// clientDoc carries the method's comment over; without one it says the least.
func (s *service) clientDoc(m *method, name string) []string {
	if len(m.doc) == 0 {
		return []string{fmt.Sprintf("%s calls %s of the shared %s.", name, m.name, s.typeName())}
	}
	if name == m.name {
		return m.doc
	}
	first, ok := strings.CutPrefix(m.doc[0], m.name+" ")
	if !ok {
		return append([]string{fmt.Sprintf("%s calls %s:", name, m.name)}, m.doc...)
	}
	return append([]string{name + " " + first}, m.doc[1:]...)
}

func (s *service) emitClientClose(f *jen.File, m *method) {
	n := &s.names
	comment(f.Group, "Close ends this handle; the shared object goes on. Later calls through the",
		"handle fail with "+n.imports[runtimePath]+".ErrClosed.")
	f.Func().Params(jen.Id(n.receiver.client).Op("*").Add(s.instance(n.client))).Id(m.name).Params().Error().
		Block(jen.Return(s.closeHandle(n.receiver.client)))
	f.Line()
}

func (s *service) closeHandle(receiver string) *jen.Statement {
	return pointer(s.rt("Conn")).Call(jen.Id(receiver)).Dot("Close").Call()
}

// withoutContext returns the parameters that travel.
func (m *method) withoutContext() []*value {
	params := m.params
	if m.options != nil {
		params = params[:len(params)-1]
	}
	if m.context < 0 {
		return params
	}
	return slices.Concat(params[:m.context], params[m.context+1:])
}

// checkedByVet are the method names for which go vet insists on a signature
// that leaves no room for a context.
var checkedByVet = []string{"Format", "GobDecode", "GobEncode", "MarshalJSON", "MarshalXML", "ReadByte", "ReadFrom", "ReadRune",
	"Scan", "Seek", "UnmarshalJSON", "UnmarshalXML", "UnreadByte", "UnreadRune", "WriteByte", "WriteTo"}

// clientName returns what the client calls a method.
func clientName(method string) string {
	if slices.Contains(checkedByVet, method) {
		return method + "Context"
	}
	return method
}
