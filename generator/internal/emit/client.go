package emit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"
)

// most is how many arguments or results the helpers of package stub have at most.
const most = 3

// api writes the interface, and the proof that type and proxy implement it.
func (w *writer) api() {
	doc := fmt.Sprintf("%s is the method set of %s, which %s has as well.", w.API, link(w.Title), link(w.Proxy))
	if i := slices.IndexFunc(w.Methods, func(m Method) bool { return m.Fluent }); i >= 0 {
		doc = fmt.Sprintf("%s has the methods of %s and %s. Only %s has those that return the object itself, such as %s.",
			w.API, link(w.Title), link(w.Proxy), link(w.Client), w.Methods[i].Name)
	}
	comment(w.file.Group, wrap(doc)...)
	w.file.Type().Id(w.generic(w.API)).InterfaceFunc(func(g *jen.Group) {
		for _, m := range w.proxyMethods() {
			comment(g, m.Doc...)
			g.Id(m.Name).Params(jen.Id(parameters(m.Params, m.Variadic))).Id(results(&m, m.Fails, ""))
		}
	})
	w.file.Line()
	implements := func(t string) jen.Code {
		return jen.Id("_").Id(w.instance(w.API)).Op("=").Parens(jen.Op("*").Id(t)).Parens(jen.Nil())
	}
	proof := jen.Var().Defs(implements(w.Type), implements(w.instance(w.Proxy)))
	if len(w.TypeParams) > 0 { // a variable has none
		proof = jen.Func().Id(w.generic("_")).Params().Block(proof)
	}
	w.file.Add(proof)
	w.file.Line()
}

// proxyMethods returns the methods of the interface and the proxy.
func (w *writer) proxyMethods() []Method {
	return slices.DeleteFunc(slices.Clone(w.Methods), func(m Method) bool { return m.Fluent })
}

// clientWriter writes the Share function and the client.
type clientWriter struct{ *writer }

// share writes the function by which users open the singleton.
func (w clientWriter) share() {
	c, client, proxy, service := &w.Constructor, w.instance(w.Client), w.instance(w.Proxy), w.Table
	if len(w.TypeParams) > 0 {
		service = w.instance(w.Table) + "()"
	}
	handle := func(name, value string) jen.Code {
		return jen.Line().Func().Params(jen.Id(c.Conn).Id(w.stub("Conn"))).Op("*").Id(name).Add(oneLine(jen.Return(jen.Op("&").Id(name).Values(jen.Id(value)))))
	}
	comment(w.file.Group, wrap(w.shareDoc())...)
	w.file.Func().Id(w.generic(w.Share)).Params(jen.Id(list(c.Cfg+" "+w.runtime("Config"), parameters(c.Params, c.Variadic)))).
		Op("*").Id(w.runtime("Shared")).Types(jen.Op("*").Id(client), jen.Op("*").Id(proxy)).
		Block(jen.Return(jen.Id(w.runtime("NewShared")).Call(jen.Id(c.Cfg), jen.Id(service),
			handle(client, c.Conn), handle(proxy, client+"{"+c.Conn+"}"), jen.Line().Add(w.encode(c.Params, c.Encoder)))))
	w.file.Line()
}

func (w clientWriter) shareDoc() string {
	c := &w.Constructor
	doc := fmt.Sprintf("%s returns the %s that all processes with the same %s share. The first use starts its daemon, ", w.Share, w.Title, c.Cfg)
	switch {
	case c.Name == "":
		doc += "whose object is the zero value."
	case c.Empty:
		doc += "whose object is an empty " + w.Title + "."
	case len(c.Params) > 0:
		doc += "which calls " + c.Name + " with the other parameters."
	case c.Call:
		doc += "which calls " + c.Name + "."
	default:
		doc += "whose object is " + c.Name + "."
	}
	if len(w.TypeParams) > 0 {
		doc += " Call it in package-level variables: a daemon has no other instances."
	}
	return doc
}

// method writes a method of the client or the proxy.
func (w *writer) method(receiver, typ, name, params, results string, body func(g *jen.Group)) {
	w.file.Func().Params(jen.Id(receiver).Op("*").Id(w.instance(typ))).Id(name).Params(jen.Id(params)).Id(results).BlockFunc(body)
	w.file.Line()
}

// client writes the client: every method with a context first and an error last.
func (w clientWriter) client() {
	comment(w.file.Group, wrap(fmt.Sprintf("%s calls a shared %s. Every method takes a context and returns an error, the method's own or an %s.",
		w.Client, link(w.Title), link("*"+w.runtime("CallError"))))...)
	w.file.Type().Id(w.generic(w.Client)).Id("struct").Add(oneLine(jen.Id("conn").Id(w.stub("Conn"))))
	w.file.Line()
	for _, m := range w.Methods {
		if !m.Detach {
			w.callMethod(&m)
			continue
		}
		comment(w.file.Group, wrap(fmt.Sprintf("%s ends this handle: its later calls fail with %s. The object goes on.", m.Name, link(w.runtime("ErrClosed"))))...)
		w.method(w.ClientReceiver, w.Client, m.Name, "", "error", func(g *jen.Group) {
			g.Return(jen.Id(w.ClientReceiver + ".conn.Close").Call())
		})
	}
}

func (w clientWriter) callMethod(m *Method) {
	itself := ""
	var returned []jen.Code
	if m.Fluent {
		itself, returned = "*"+w.instance(w.Client), []jen.Code{jen.Id(w.ClientReceiver)}
	}
	params := list(m.Ctx+" "+w.Context+".Context", parameters(m.sent(), m.Variadic && !m.Options))
	comment(w.file.Group, w.doc(m)...)
	w.method(w.ClientReceiver, w.Client, m.ClientName, params, results(m, true, itself), func(g *jen.Group) {
		conn, args, values := w.ClientReceiver+".conn", w.encode(m.sent(), m.Encoder), jen.Id(list(append(names(m.Results), m.Err)...))
		switch {
		case len(m.Results) > most:
			w.callLong(g, m, true, m.Ctx, conn, args)
		case m.Fluent && len(m.Results) > 0:
			g.Add(values).Op(":=").Add(w.call(m, m.Ctx, conn, args))
		default:
			values = w.call(m, m.Ctx, conn, args)
		}
		g.Return(append(returned, values)...)
	})
}

// doc carries the method's comment over. A method without one gets a line.
func (w clientWriter) doc(m *Method) []string {
	if len(m.Doc) == 0 {
		return wrap(fmt.Sprintf("%s calls %s of the shared %s.", m.ClientName, m.Name, w.Title))
	}
	if m.ClientName == m.Name {
		return m.Doc
	}
	first, ok := strings.CutPrefix(m.Doc[0], m.Name+" ")
	if !ok {
		return append([]string{fmt.Sprintf("%s calls %s:", m.ClientName, m.Name)}, m.Doc...)
	}
	return append([]string{m.ClientName + " " + first}, m.Doc[1:]...)
}

// call writes stub.Call1[int](ctx, conn, "Add", args).
func (w *writer) call(m *Method, ctx, conn string, args jen.Code) *jen.Statement {
	helper := brackets(fmt.Sprintf("%s.Call%d", w.Stub, len(m.Results)), list(typesOf(m.Results)...))
	return jen.Id(helper).Call(jen.Id(ctx), jen.Id(conn), jen.Lit(m.Name), args)
}

// callLong writes the call of a method whose results no helper returns. It leaves them and
// the error in variables. With fails the error is a result of the function.
func (w *writer) callLong(g *jen.Group, m *Method, fails bool, ctx, conn string, args jen.Code) {
	assign := ":="
	if m.Named && fails {
		assign = "="
	}
	if !m.Named {
		declare(g, m.Results)
	}
	decode := jen.Func().Params(jen.Id(m.Decoder).Op("*").Id(w.stub("Decoder"))).BlockFunc(func(g *jen.Group) {
		for _, v := range m.Results {
			g.Id(w.stub("DecodeResult")).Call(jen.Id(m.Decoder), jen.Op("&").Id(v.Name))
		}
	})
	g.Id(m.Err).Op(assign).Id(w.stub("Call")).Call(jen.Id(ctx), jen.Id(conn), jen.Lit(m.Name), args, decode)
}

// encode writes stub.Args2(a, b), or a function that encodes more values, or nil.
func (w *writer) encode(values []Value, encoder string) *jen.Statement {
	switch {
	case len(values) == 0:
		return jen.Nil()
	case len(values) <= most:
		return jen.Id(fmt.Sprintf("%s.Args%d", w.Stub, len(values))).Call(jen.Id(list(names(values)...)))
	}
	return jen.Func().Params(jen.Id(encoder).Op("*").Id(w.stub("Encoder"))).BlockFunc(func(g *jen.Group) {
		for _, v := range values {
			g.Id(w.stub("EncodeArg")).Call(jen.Id(encoder), jen.Id(v.Name))
		}
	})
}
