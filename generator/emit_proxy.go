package generator

import (
	"fmt"

	"github.com/dave/jennifer/jen"
)

// emitProxy writes the proxy: the type's own method set, by way of the client.
func (s *service) emitProxy(f *jen.File) {
	n := &s.names
	comment(f.Group, fmt.Sprintf("%s is a %s that lives in the daemon: it has the same methods. Where one", n.proxy, s.typeName()),
		"has no error result, a call that fails does what "+n.imports[runtimePath]+".Config.OnFault says, which is to",
		"panic by default. It is safe for concurrent use.")
	f.Type().Id(n.proxy).Add(s.rt("Conn"))
	f.Line()
	for _, m := range s.methods {
		comment(f.Group, fmt.Sprintf("%s implements %s.", m.name, n.api))
		if m.detach {
			s.emitProxyClose(f, m)
		} else {
			s.emitProxyMethod(f, m)
		}
	}
}

func (s *service) emitProxyMethod(f *jen.File, m *method) {
	n := &s.names
	ctx := jen.Id(n.imports["context"]).Dot("Background").Call()
	if m.context >= 0 {
		ctx = jen.Id(m.local.ctx)
	}
	call := pointer(jen.Id(n.client)).Call(jen.Id(n.receiver.proxy)).Dot(clientName(m.name)).CallFunc(func(g *jen.Group) {
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
		failed := jen.Add(err).Op("!=").Nil()
		switch {
		case m.fails:
			g.Return(call)
		case len(m.results) == 0:
			g.If(jen.Add(err).Op(":=").Add(call), failed).Block(conn.Dot("Fault").Call(err))
		default:
			names := jen.ListFunc(func(g *jen.Group) {
				for _, v := range m.results {
					g.Id(v.name)
				}
			})
			g.List(names, err).Op(":=").Add(call)
			if m.printable() {
				g.If(failed).Block(jen.Return(conn.Dot("FaultString").Call(err)))
			} else {
				g.If(failed).Block(conn.Dot("Fault").Call(err))
			}
			g.Return(names)
		}
	})
	f.Line()
}

// proxyHead writes the method's head, with the user's own signature.
func (s *service) proxyHead(f *jen.File, m *method) *jen.Statement {
	n := &s.names
	return f.Func().Params(jen.Id(n.receiver.proxy).Op("*").Id(n.proxy)).Id(m.name).
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
