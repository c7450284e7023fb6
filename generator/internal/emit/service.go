package emit

import (
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"
)

// tableWriter writes the service with its table.
type tableWriter struct{ *writer }

// service writes the table that the daemon serves. An init function completes it, since a
// method or the constructor may use the service, and a variable must not depend on itself.
func (w tableWriter) service() {
	identity := []jen.Code{field("Name", jen.Lit(w.Service))}
	if w.Constructor.Name != "" {
		identity = append(identity, field("Constructor", jen.Lit(w.Constructor.Name)))
	}
	if len(w.TypeParams) > 0 {
		w.instanceService(identity)
		return
	}
	comment(w.file.Group, w.Table+" is what the daemon serves.")
	w.file.Var().Id(w.Table).Op("=").Op("&").Id(w.stub("Service")).Values(identity...)
	w.file.Line()
	w.file.Func().Id("init").Params().BlockFunc(func(g *jen.Group) {
		w.eachPart(func(name string, value jen.Code) {
			g.Id(w.Table + "." + name).Op("=").Add(value)
		})
		g.Id(w.stub("Register")).Call(jen.Id(w.Table))
		if w.ServesInit {
			comment(g, "The daemon of "+w.Title+" serves here, and its main does not run.")
			g.Id(w.runtime("ServeIfDaemonOf")).Call(jen.Id(w.Table))
		}
	})
}

// instanceService writes the function that makes the service of an instance.
func (w tableWriter) instanceService(fields []jen.Code) {
	comment(w.file.Group, w.Table+" returns what the daemon of an instance serves. The first call registers it.")
	var args []jen.Code
	for _, p := range w.TypeParams {
		args = append(args, jen.Id(brackets(w.stub("TypeArgOf"), p.Name)).Call(jen.Lit(p.Name)))
	}
	fields = append(fields, field("TypeArgs", jen.Index().Id(w.stub("TypeArg")).Values(args...)))
	w.eachPart(func(name string, value jen.Code) { fields = append(fields, field(name, value)) })
	w.file.Func().Id(w.generic(w.Table)).Params().Op("*").Id(w.stub("Service")).Block(
		jen.Return(jen.Id(w.stub("RegisterInstance")).Call(jen.Op("&").Id(w.stub("Service")).Add(rows(fields...)))))
}

// eachPart calls part for each field of the service that the daemon needs.
func (w tableWriter) eachPart(part func(name string, value jen.Code)) {
	part("New", w.newFunc())
	list := func(name, typ string, elements []jen.Code) {
		if len(elements) > 0 {
			part(name, jen.Index().Id(w.stub(typ)).Add(rows(elements...)))
		}
	}
	var methods, sentinels, errorTypes, dataTypes []jen.Code
	for _, m := range w.Methods {
		if !m.Detach {
			methods = append(methods, w.row(&m))
		}
	}
	for _, v := range w.Sentinels {
		sentinels = append(sentinels, jen.Values(field("Name", jen.Lit(v.Name)), field("Error", jen.Id(v.Source))))
	}
	for _, t := range w.ErrorTypes {
		errorTypes = append(errorTypes, jen.Id(brackets(w.stub("ErrorTypeOf"), t.Source)).Call(jen.Lit(t.Name)))
	}
	for _, t := range w.DataTypes {
		dataTypes = append(dataTypes, jen.Id(brackets(w.stub("DataTypeOf"), t)).Call())
	}
	list("Methods", "Method", methods)
	list("Sentinels", "Sentinel", sentinels)
	list("ErrorTypes", "ErrorType", errorTypes)
	list("DataTypes", "DataType", dataTypes)
	if w.Check {
		part("Check", jen.True())
	}
}

// newFunc writes the function that makes the object from decoded arguments.
func (w tableWriter) newFunc() *jen.Statement {
	c := &w.Constructor
	ctx, made := "_", jen.Id(c.Source)
	if c.Context {
		ctx = c.Ctx
	}
	if args := arguments(c.Params, c.Variadic); c.Call && c.Context {
		made.Call(jen.Id(list(c.Ctx, args)))
	} else if c.Call {
		made.Call(jen.Id(args))
	}
	head := jen.Func().Params(jen.Id(ctx).Id(w.Context+".Context"), jen.Id(c.Args).Op("*").Id(w.stub("Decoder")))
	return head.Params(jen.Any(), jen.Error()).BlockFunc(func(g *jen.Group) {
		declare(g, c.Params)
		for _, v := range c.Params {
			g.Id(w.stub("Decode")).Call(jen.Id(c.Args), jen.Op("&").Id(v.Name))
		}
		g.If(jen.Id(c.Err).Op(":=").Id(c.Args+".End").Call(), jen.Id(c.Err).Op("!=").Nil()).
			Block(jen.Return(jen.Nil(), jen.Id(c.Err)))
		object := jen.Op("&").Id(c.Object)
		switch {
		case c.Name == "":
			g.Var().Id(c.Object).Id(w.Type)
			g.Return(object, jen.Nil())
		case c.Pointer && c.Fails:
			g.Return(made)
		case c.Pointer:
			g.Return(made, jen.Nil())
		case c.Fails:
			g.List(jen.Id(c.Object), jen.Id(c.Err)).Op(":=").Add(made)
			g.Return(object, jen.Id(c.Err))
		default:
			g.Id(c.Object).Op(":=").Add(made)
			g.Return(object, jen.Nil())
		}
	})
}

// row writes a method's row in the table.
func (w tableWriter) row(m *Method) *jen.Statement {
	row := []jen.Code{field("Name", jen.Lit(m.Name))}
	add := func(set bool, name string, value jen.Code) {
		if set {
			row = append(row, field(name, value))
		}
	}
	add(m.Mode != "", "Mode", jen.Id(w.stub(m.Mode)))
	add(m.Fluent, "Fluent", jen.True())
	add(m.Idempotent, "Idempotent", jen.True())
	add(m.Timeout > 0, "Timeout", jen.Id(w.duration(m.Timeout)))
	add(m.End != "", "End", jen.Lit(m.End))
	add(m.EndArgs, "EndArgs", jen.True())
	for _, p := range m.Places {
		add(true, p.Field, jen.Id(fmt.Sprintf("%#v", p.Params)))
	}
	add(m.UserParams != "", "Params", jen.Lit(m.UserParams))
	add(m.Synopsis != "", "Doc", jen.Lit(m.Synopsis))
	add(true, "Func", jen.Id(m.Func))
	add(true, "Serve", w.serveFunc(m))
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ", "}, row...)
}

// serveFunc writes the function that serves a method. Arguments are decoded before the
// call takes its turn, and results are encoded before it gives the turn back.
func (w tableWriter) serveFunc(m *Method) *jen.Statement {
	sent := m.sent()
	return jen.Func().Params(jen.Id(m.Run).Op("*").Id(w.stub("Run")), jen.Id(m.Target).Any()).BlockFunc(func(g *jen.Group) {
		if len(sent) > most {
			declare(g, sent)
			for _, v := range sent {
				g.Id(w.stub("DecodeArg")).Call(jen.Id(m.Run), jen.Op("&").Id(v.Name))
			}
			sent = nil
		}
		call := jen.Func().Params(jen.Id(parameters(sent, false)))
		if body := w.serveBody(m); len(body) == 1 {
			call.Add(oneLine(body[0]))
		} else {
			call.Block(body...)
		}
		g.Id(fmt.Sprintf("%s.Serve%d", w.Stub, len(sent))).Call(jen.Id(m.Run), call)
	})
}

// serveBody writes the call of a method and the encoding of its results.
func (w tableWriter) serveBody(m *Method) []jen.Code {
	params := slices.Clone(m.Params)
	if m.Context >= 0 {
		params[m.Context].Name = m.Run + ".Context()"
	}
	if m.Options {
		params = params[:len(params)-1]
	}
	call := jen.Id(m.Target).Assert(jen.Op("*").Id(w.Type)).Dot(m.Name).Call(jen.Id(arguments(params, m.Variadic && !m.Options)))
	returned := names(m.Results)
	if m.Fails {
		returned = append(returned, m.Err)
	}
	reply := func(n int, values jen.Code) jen.Code {
		return jen.Id(m.Run + ".Return").Call(jen.Id(fmt.Sprintf("%s.Results%d", w.Stub, n)).Call(values))
	}
	switch {
	case len(returned) == 0:
		return []jen.Code{call}
	case len(returned) <= most && !m.Fluent:
		return []jen.Code{reply(len(returned), call)}
	}
	results := list(returned...)
	if m.Fluent {
		results = list("_", results)
	}
	body := []jen.Code{jen.Id(results).Op(":=").Add(call)}
	for ; len(returned) > most; returned = returned[1:] {
		body = append(body, jen.Id(w.stub("EncodeResult")).Call(jen.Id(m.Run), jen.Id(returned[0])))
	}
	return append(body, reply(len(returned), jen.Id(list(returned...))))
}
