package generator

import (
	"fmt"
	"slices"
	"time"

	"github.com/dave/jennifer/jen"
)

// emitProxy writes the proxy: the type's own method set, by way of the client.
func (s *service) emitProxy(f *jen.File) {
	n := &s.names
	doc := []string{
		fmt.Sprintf("%s is a %s that lives in the daemon: it has the same methods. Where one", n.proxy, s.typeName()),
		"has no error result, a call that fails does what " + n.imports[runtimePath] + ".Config.OnFault says, which is to",
		"panic by default. It is safe for concurrent use.",
	}
	if i := slices.IndexFunc(s.methods, func(m *method) bool { return m.fluent }); i >= 0 {
		doc = append(doc, "", fmt.Sprintf("What returns the object itself, as %s does, only %s has.", s.methods[i].name, n.client))
	}
	comment(f.Group, doc...)
	f.Type().Add(s.generic(n.proxy)).Add(s.rt("Conn"))
	f.Line()
	for _, m := range s.proxyMethods() {
		comment(f.Group, fmt.Sprintf("%s implements %s.", m.name, n.api))
		if m.detach {
			s.emitProxyClose(f, m)
		} else {
			s.emitProxyMethod(f, m)
		}
	}
}

// proxyMethods are those that the proxy can have, and thus the interface.
func (s *service) proxyMethods() []*method {
	return slices.DeleteFunc(slices.Clone(s.methods), func(m *method) bool { return m.fluent })
}

func (s *service) emitProxyMethod(f *jen.File, m *method) {
	n := &s.names
	background := jen.Id(n.imports["context"]).Dot("Background").Call()
	ctx := background
	if m.context >= 0 || m.implicit() {
		ctx = jen.Id(m.local.ctx)
	}
	call := pointer(s.instance(n.client)).Call(jen.Id(n.receiver.proxy)).Dot(clientName(m.name)).CallFunc(func(g *jen.Group) {
		g.Add(ctx)
		values := m.withoutContext()
		for i, v := range values {
			arg := g.Id(v.name)
			if m.variadic && i == len(values)-1 {
				arg.Op("...")
			}
		}
	})
	conn := pointer(s.rt("Conn")).Call(jen.Id(n.receiver.proxy))
	s.proxyHead(f, m).BlockFunc(func(g *jen.Group) {
		err := jen.Id(m.local.err)
		if m.implicit() {
			g.List(ctx, jen.Id(m.local.cancel)).Op(":=").Id(n.imports["context"]).Dot("WithTimeout").Call(background, s.implicitTimeout(m))
			g.Defer().Id(m.local.cancel).Call()
		}
		failed := jen.Add(err).Op("!=").Nil()
		switch {
		case m.options != nil:
			s.proxyCall(g, m, ctx, conn)
		case m.fails:
			g.Return(call)
		case len(m.results) == 0:
			g.If(jen.Add(err).Op(":=").Add(call), failed).Block(s.fault(m, conn))
		default:
			names := jen.ListFunc(func(g *jen.Group) {
				for _, v := range m.results {
					g.Id(v.name)
				}
			})
			g.List(names, err).Op(":=").Add(call)
			g.If(failed).Block(s.fault(m, conn))
			g.Return(names)
		}
	})
	f.Line()
}

// fault writes what the proxy does when a call failed and the method has no
// error result.
func (s *service) fault(m *method, conn *jen.Statement) *jen.Statement {
	err := jen.Id(m.local.err)
	text := conn.Clone().Dot("FaultString").Call(err)
	switch {
	case !m.implicit():
		return conn.Clone().Dot("Fault").Call(err)
	case m.name == "Format":
		return s.stub("WriteState").Call(jen.Id(m.params[0].name), text)
	case m.name == "LogValue":
		return jen.Return(jen.Id(s.names.imports["log/slog"]).Dot("StringValue").Call(text))
	}
	return jen.Return(text)
}

// implicitTimeout writes the time limit of a method that is called unasked.
func (s *service) implicitTimeout(m *method) jen.Code {
	if m.timeout > 0 && m.timeout < time.Second/2 {
		return s.duration(m.timeout)
	}
	return s.stub("ImplicitTimeout")
}

// proxyHead writes the method's head, with the user's own signature.
func (s *service) proxyHead(f *jen.File, m *method) *jen.Statement {
	n := &s.names
	return f.Func().Params(jen.Id(n.receiver.proxy).Op("*").Add(s.instance(n.proxy))).Id(m.name).
		Params(s.parameters(m.params, m.variadic)...).Add(s.resultList(m, m.fails))
}

// emitProxyClose writes Close for a handle. Closing waits for nothing, so a
// context has nothing to do.
func (s *service) emitProxyClose(f *jen.File, m *method) {
	n := &s.names
	s.proxyHead(f, m).BlockFunc(func(g *jen.Group) {
		if m.fails {
			g.Return(s.closeHandle(n.receiver.proxy))
		} else {
			g.Add(s.closeHandle(n.receiver.proxy))
		}
	})
	f.Line()
}
