package emit

import (
	"fmt"

	"github.com/dave/jennifer/jen"
)

// proxyWriter writes the proxy.
type proxyWriter struct{ *writer }

// proxy writes the proxy: the type's own method set, by way of the client.
func (w proxyWriter) proxy() {
	comment(w.file.Group, wrap(fmt.Sprintf("%s is a shared %s behind the methods of %s. A call that fails where the method returns no error goes to %s OnFault.",
		w.Proxy, link(w.Title), withArticle(w.Title), link(w.runtime("Config"))))...)
	w.file.Type().Id(w.generic(w.Proxy)).Id("struct").Add(oneLine(jen.Id("client").Id(w.instance(w.Client))))
	w.file.Line()
	for _, m := range w.proxyMethods() {
		comment(w.file.Group, fmt.Sprintf("%s implements %s.", m.Name, link(w.API)))
		w.method(w.ProxyReceiver, w.Proxy, m.Name, parameters(m.Params, m.Variadic), results(&m, m.Fails, ""), func(g *jen.Group) {
			call := w.body(g, &m)
			if len(m.Results) == 0 && !m.Fails {
				g.Add(call)
			} else {
				g.Return(call)
			}
		})
	}
}

// body returns the last expression of a method, and writes what comes before it. A method
// with options calls the daemon itself: the client's method has no options to refuse.
func (w proxyWriter) body(g *jen.Group, m *Method) *jen.Statement {
	client, ctx, results := w.ProxyReceiver+".client", w.Context+".Background()", list(names(m.Results)...)
	if m.Context >= 0 {
		ctx = m.Ctx
	}
	call := jen.Id(client + "." + m.ClientName).Call(jen.Id(list(ctx, arguments(m.sent(), m.Variadic))))
	long := len(m.Results) > most
	switch {
	case m.Detach: // nothing waits, so a context has nothing to do
		return jen.Id(client + "." + m.Name).Call()
	case m.Implicit != "":
		return w.implicit(m)
	case m.Options:
		options := m.Params[len(m.Params)-1].Name
		args := jen.Id(w.stub("Refuse")).Call(w.encode(m.sent(), m.Encoder), jen.Lit(options), jen.Id(options))
		if long {
			w.callLong(g, m, m.Fails, ctx, client+".conn", args)
		} else {
			call = w.call(m, ctx, client+".conn", args)
		}
	case long && !m.Fails:
		g.Id(list(results, m.Err)).Op(":=").Add(call)
	}
	switch {
	case long && !m.Fails:
		g.Id(w.stub("Must0")).Call(jen.Id(m.Err))
		return jen.Id(results)
	case long && m.Options:
		return jen.Id(list(results, m.Err))
	case m.Fails:
		return call
	}
	return jen.Id(fmt.Sprintf("%s.Must%d", w.Stub, len(m.Results))).Call(call)
}

// implicit writes the call of a method that fmt, json or log call on their own.
func (w proxyWriter) implicit(m *Method) *jen.Statement {
	limit := w.stub("ImplicitTimeout")
	if m.Limit {
		limit = w.duration(m.Timeout)
	}
	return jen.Id(w.stub(m.Implicit)).Call(jen.Id(list(limit, w.ProxyReceiver+".client."+m.ClientName, arguments(m.Params, false))))
}
