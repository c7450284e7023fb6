package emit

import (
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"
)

// proxyWriter writes the proxy.
type proxyWriter struct{ *writer }

// proxy writes the proxy: the type's own method set, by way of the client.
func (w proxyWriter) proxy() {
	comment(w.file.Group, wrap(fmt.Sprintf("%s is a shared %s behind the methods of %s. A call that fails where the method returns no error goes to %s OnFault.",
		w.Proxy, link(w.Title), withArticle(w.Title), link(w.Runtime+".Config")))...)
	w.file.Type().Add(w.generic(w.Proxy)).Id("struct").Add(oneLine(jen.Id("client").Add(w.instance(w.Client))))
	w.file.Line()
	for _, m := range w.proxyMethods() {
		comment(w.file.Group, fmt.Sprintf("%s implements %s.", m.Name, link(w.API)))
		w.method(w.ProxyReceiver, w.Proxy, m.Name, parameters(m.Params, m.Variadic)).Add(results(&m, m.Fails)).
			BlockFunc(func(g *jen.Group) {
				switch {
				case m.Detach && m.Fails: // nothing waits, so a context has nothing to do
					g.Return(jen.Id(w.ProxyReceiver).Dot("client").Dot(m.Name).Call())
				case m.Detach:
					g.Id(w.ProxyReceiver).Dot("client").Dot(m.Name).Call()
				case m.Implicit != "":
					w.implicit(g, &m)
				default:
					w.body(g, &m)
				}
			})
		w.file.Line()
	}
}

// body writes the call of the client's method. A method with options calls the
// daemon itself: the client's method has no options to refuse.
func (w proxyWriter) body(g *jen.Group, m *Method) {
	ctx := w.background()
	if m.Context >= 0 {
		ctx = jen.Id(m.Ctx)
	}
	client := jen.Id(w.ProxyReceiver).Dot("client")
	call := client.Clone().Dot(m.ClientName).Call(slices.Concat([]jen.Code{ctx}, arguments(m.sent(), m.Variadic))...)
	long := len(m.Results) > most
	if m.Options {
		options := m.Params[len(m.Params)-1].Name
		args := w.stub("Refuse").Call(w.encode(m.sent(), m.Encoder), jen.Lit(options), jen.Id(options))
		if long {
			w.callLong(g, m, m.Fails, ctx, client.Clone().Dot("conn"), args)
		} else {
			call = w.call(m, ctx, client.Clone().Dot("conn"), args)
		}
	} else if long && !m.Fails {
		g.List(append(names(m.Results), jen.Id(m.Err))...).Op(":=").Add(call)
	}
	switch {
	case long && m.Fails && m.Options:
		g.Return(append(names(m.Results), jen.Id(m.Err))...)
	case long && !m.Fails:
		g.Add(w.stub("Must0").Call(jen.Id(m.Err)))
		g.Return(names(m.Results)...)
	case m.Fails:
		g.Return(call)
	case len(m.Results) == 0:
		g.Add(w.stub("Must0").Call(call))
	default:
		g.Return(w.stub(fmt.Sprintf("Must%d", len(m.Results))).Call(call))
	}
}

// implicit writes the call of a method that fmt, json or log call on their own.
func (w proxyWriter) implicit(g *jen.Group, m *Method) {
	limit := w.stub("ImplicitTimeout")
	if m.Limit {
		limit = w.duration(m.Timeout)
	}
	args := append([]jen.Code{limit, jen.Id(w.ProxyReceiver).Dot("client").Dot(m.ClientName)}, names(m.Params)...)
	call := w.stub(m.Implicit).Call(args...)
	if len(m.Results) == 0 && !m.Fails {
		g.Add(call)
	} else {
		g.Return(call)
	}
}
