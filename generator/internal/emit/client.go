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
	methods := w.proxyMethods()
	doc := fmt.Sprintf("%s is the method set of %s, which %s has as well.", w.API, link(w.Title), link(w.Proxy))
	if i := slices.IndexFunc(w.Methods, func(m Method) bool { return m.Fluent }); i >= 0 {
		doc = fmt.Sprintf("%s has the methods of %s and %s. Only %s has those that return the object itself, such as %s.",
			w.API, link(w.Title), link(w.Proxy), link(w.Client), w.Methods[i].Name)
	}
	comment(w.file.Group, wrap(doc)...)
	w.file.Type().Add(w.generic(w.API)).InterfaceFunc(func(g *jen.Group) {
		for _, m := range methods {
			comment(g, m.Doc...)
			g.Id(m.Name).Params(parameters(m.Params, m.Variadic)...).Add(results(&m, m.Fails))
		}
	})
	w.file.Line()
	implements := func(t jen.Code) jen.Code {
		return jen.Id("_").Add(w.instance(w.API)).Op("=").Add(pointer(t)).Parens(jen.Nil())
	}
	proof := jen.Var().Defs(implements(jen.Id(w.Type)), implements(w.instance(w.Proxy)))
	if len(w.TypeParams) > 0 { // a variable has none
		proof = jen.Func().Add(w.generic("_")).Params().Block(proof)
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
	c := &w.Constructor
	comment(w.file.Group, wrap(w.shareDoc())...)
	handle := func(name, value string) jen.Code {
		return jen.Line().Func().Params(jen.Id(c.Conn).Add(w.stub("Conn"))).Op("*").Add(w.instance(name)).
			Add(oneLine(jen.Return(jen.Op("&").Add(w.instance(name)).Op(value))))
	}
	service := jen.Id(w.Table)
	if len(w.TypeParams) > 0 {
		service = w.instance(w.Table).Call()
	}
	w.file.Func().Add(w.generic(w.Share)).
		Params(append([]jen.Code{jen.Id(c.Cfg).Add(w.runtime("Config"))}, parameters(c.Params, c.Variadic)...)...).
		Op("*").Add(w.runtime("Shared")).Types(jen.Op("*").Add(w.instance(w.Client)), jen.Op("*").Add(w.instance(w.Proxy))).
		Block(jen.Return(w.runtime("NewShared").Call(jen.Id(c.Cfg), service,
			handle(w.Client, "{"+c.Conn+"}"),
			handle(w.Proxy, "{"+fmt.Sprintf("%#v", w.instance(w.Client))+"{"+c.Conn+"}}"),
			jen.Line().Add(w.encode(c.Params, c.Encoder)))))
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

// client writes the client: every method with a context first and an error last.
func (w clientWriter) client() {
	comment(w.file.Group, wrap(fmt.Sprintf("%s calls a shared %s. Every method takes a context and returns an error, the method's own or an %s.",
		w.Client, link(w.Title), link("*"+w.Runtime+".CallError")))...)
	w.file.Type().Add(w.generic(w.Client)).Id("struct").Add(oneLine(jen.Id("conn").Add(w.stub("Conn"))))
	w.file.Line()
	for _, m := range w.Methods {
		if m.Detach {
			w.closeMethod(&m)
		} else {
			w.callMethod(&m)
		}
	}
}

// method begins a method of the client or the proxy.
func (w *writer) method(receiver, typ, name string, params []jen.Code) *jen.Statement {
	return w.file.Func().Params(jen.Id(receiver).Op("*").Add(w.instance(typ))).Id(name).Params(params...)
}

func (w clientWriter) closeMethod(m *Method) {
	comment(w.file.Group, wrap(fmt.Sprintf("%s ends this handle: its later calls fail with %s. The object goes on.", m.Name, link(w.Runtime+".ErrClosed")))...)
	w.method(w.ClientReceiver, w.Client, m.Name, nil).Error().
		Block(jen.Return(jen.Id(w.ClientReceiver).Dot("conn").Dot("Close").Call()))
	w.file.Line()
}

func (w clientWriter) callMethod(m *Method) {
	comment(w.file.Group, w.doc(m)...)
	var itself, returned []jen.Code
	if m.Fluent {
		itself = append(itself, jen.Op("*").Add(w.instance(w.Client)))
		returned = append(returned, jen.Id(w.ClientReceiver))
	}
	params := append([]jen.Code{jen.Id(m.Ctx).Id(w.Context).Dot("Context")}, parameters(m.sent(), m.Variadic && !m.Options)...)
	w.method(w.ClientReceiver, w.Client, m.ClientName, params).Add(results(m, true, itself...)).
		BlockFunc(func(g *jen.Group) {
			args := w.encode(m.sent(), m.Encoder)
			conn := jen.Id(w.ClientReceiver).Dot("conn")
			values := append(names(m.Results), jen.Id(m.Err))
			switch {
			case len(m.Results) > most:
				w.callLong(g, m, true, jen.Id(m.Ctx), conn, args)
			case m.Fluent && len(m.Results) > 0:
				g.List(values...).Op(":=").Add(w.call(m, jen.Id(m.Ctx), conn, args))
			default:
				values = []jen.Code{w.call(m, jen.Id(m.Ctx), conn, args)}
			}
			g.Return(append(returned, values...)...)
		})
	w.file.Line()
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
func (w *writer) call(m *Method, ctx, conn, args jen.Code) *jen.Statement {
	helper := w.stub(fmt.Sprintf("Call%d", len(m.Results)))
	if len(m.Results) > 0 {
		helper.Types(typesOf(m.Results)...)
	}
	return helper.Call(ctx, conn, jen.Lit(m.Name), args)
}

// callLong writes the call of a method whose results no helper returns. It leaves them and
// the error in variables. With fails the error is a result of the function.
func (w *writer) callLong(g *jen.Group, m *Method, fails bool, ctx, conn, args jen.Code) {
	assign := ":="
	if m.Named && fails {
		assign = "="
	}
	if !m.Named {
		for _, same := range runs(m.Results, sameType) {
			g.Var().List(names(same)...).Id(same[0].Type)
		}
	}
	decode := jen.Func().Params(jen.Id(m.Decoder).Op("*").Add(w.stub("Decoder"))).BlockFunc(func(g *jen.Group) {
		for _, v := range m.Results {
			g.Add(w.stub("DecodeResult").Call(jen.Id(m.Decoder), jen.Op("&").Id(v.Name)))
		}
	})
	g.Id(m.Err).Op(assign).Add(w.stub("Call").Call(ctx, conn, jen.Lit(m.Name), args, decode))
}

// encode writes stub.Args2(a, b), or a function that encodes more values, or nil.
func (w *writer) encode(values []Value, encoder string) *jen.Statement {
	switch {
	case len(values) == 0:
		return jen.Nil()
	case len(values) <= most:
		return w.stub(fmt.Sprintf("Args%d", len(values))).Call(names(values)...)
	}
	return jen.Func().Params(jen.Id(encoder).Op("*").Add(w.stub("Encoder"))).BlockFunc(func(g *jen.Group) {
		for _, v := range values {
			g.Add(w.stub("EncodeArg").Call(jen.Id(encoder), jen.Id(v.Name)))
		}
	})
}
