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
	w.file.Var().Id(w.Table).Op("=").Op("&").Add(w.stub("Service")).Values(identity...)
	w.file.Line()
	w.file.Func().Id("init").Params().BlockFunc(func(g *jen.Group) {
		w.eachPart(func(name string, value jen.Code) {
			g.Id(w.Table).Dot(name).Op("=").Add(value)
		})
		g.Add(w.stub("Register")).Call(jen.Id(w.Table))
		if w.ServesInit {
			comment(g, "The daemon of "+w.Title+" serves here, and its main does not run.")
			g.Add(w.runtime("ServeIfDaemonOf")).Call(jen.Id(w.Table))
		}
	})
}

// instanceService writes the function that makes the service of an instance.
func (w tableWriter) instanceService(fields []jen.Code) {
	comment(w.file.Group, w.Table+" returns what the daemon of an instance serves. The first call registers it.")
	var args []jen.Code
	for _, p := range w.TypeParams {
		args = append(args, w.stub("TypeArgOf").Types(jen.Id(p.Name)).Call(jen.Lit(p.Name)))
	}
	fields = append(fields, field("TypeArgs", jen.Index().Add(w.stub("TypeArg")).Values(args...)))
	w.eachPart(func(name string, value jen.Code) { fields = append(fields, field(name, value)) })
	w.file.Func().Add(w.generic(w.Table)).Params().Op("*").Add(w.stub("Service")).Block(
		jen.Return(w.stub("RegisterInstance").Call(jen.Op("&").Add(w.stub("Service")).Add(rows(fields...)))))
}

// eachPart calls part for each field of the service that the daemon needs.
func (w tableWriter) eachPart(part func(name string, value jen.Code)) {
	part("New", w.newFunc())
	list := func(name, typ string, elements []jen.Code) {
		if len(elements) > 0 {
			part(name, jen.Index().Add(w.stub(typ)).Add(rows(elements...)))
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
		errorTypes = append(errorTypes, w.stub("ErrorTypeOf").Types(jen.Id(t.Source)).Call(jen.Lit(t.Name)))
	}
	for _, t := range w.DataTypes {
		dataTypes = append(dataTypes, w.stub("DataTypeOf").Types(jen.Id(t)).Call())
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
	ctx := "_"
	if c.Context {
		ctx = c.Ctx
	}
	object, args, err := jen.Id(c.Object), jen.Id(c.Args), jen.Id(c.Err)
	head := jen.Func().Params(jen.Id(ctx).Id(w.Context).Dot("Context"), jen.Id(c.Args).Op("*").Add(w.stub("Decoder")))
	return head.Params(jen.Any(), jen.Error()).BlockFunc(func(g *jen.Group) {
		for _, same := range runs(c.Params, sameType) {
			g.Var().List(names(same)...).Id(same[0].Type)
		}
		for _, v := range c.Params {
			g.Add(w.stub("Decode").Call(args.Clone(), jen.Op("&").Id(v.Name)))
		}
		g.If(err.Clone().Op(":=").Add(args.Clone()).Dot("End").Call(), err.Clone().Op("!=").Nil()).
			Block(jen.Return(jen.Nil(), err.Clone()))
		made := jen.Id(c.Source)
		if c.Call {
			var first []jen.Code
			if c.Context {
				first = append(first, jen.Id(c.Ctx))
			}
			made.Call(append(first, arguments(c.Params, c.Variadic)...)...)
		}
		switch {
		case c.Name == "":
			g.Var().Add(object).Id(w.Type)
			g.Return(jen.Op("&").Add(object), jen.Nil())
		case c.Pointer && c.Fails:
			g.Return(made)
		case c.Pointer:
			g.Return(made, jen.Nil())
		case c.Fails:
			g.List(object, err).Op(":=").Add(made)
			g.Return(jen.Op("&").Add(object), err)
		default:
			g.Add(object).Op(":=").Add(made)
			g.Return(jen.Op("&").Add(object), jen.Nil())
		}
	})
}

// row writes a method's row in the table.
func (w tableWriter) row(m *Method) *jen.Statement {
	row := []jen.Code{field("Name", jen.Lit(m.Name))}
	add := func(set bool, name string, value func() jen.Code) {
		if set {
			row = append(row, field(name, value()))
		}
	}
	isTrue := func() jen.Code { return jen.True() }
	add(m.Mode != "", "Mode", func() jen.Code { return w.stub(m.Mode) })
	add(m.Fluent, "Fluent", isTrue)
	add(m.Idempotent, "Idempotent", isTrue)
	add(m.Timeout > 0, "Timeout", func() jen.Code { return w.duration(m.Timeout) })
	add(m.End != "", "End", func() jen.Code { return jen.Lit(m.End) })
	add(m.EndArgs, "EndArgs", isTrue)
	for _, p := range m.Places {
		add(true, p.Field, func() jen.Code {
			return jen.Index().Int().ValuesFunc(func(g *jen.Group) {
				for _, place := range p.Params {
					g.Lit(place)
				}
			})
		})
	}
	add(m.UserParams != "", "Params", func() jen.Code { return jen.Lit(m.UserParams) })
	add(m.Synopsis != "", "Doc", func() jen.Code { return jen.Lit(m.Synopsis) })
	row = append(row, field("Func", jen.Id(m.Func)), field("Serve", w.serveFunc(m)))
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ", "}, row...)
}

// serveFunc writes the function that serves a method. Arguments are decoded before the
// call takes its turn, and results are encoded before it gives the turn back.
func (w tableWriter) serveFunc(m *Method) *jen.Statement {
	run, sent := jen.Id(m.Run), m.sent()
	return jen.Func().Params(run.Clone().Op("*").Add(w.stub("Run")), jen.Id(m.Target).Any()).BlockFunc(func(g *jen.Group) {
		if len(sent) > most {
			for _, same := range runs(sent, sameType) {
				g.Var().List(names(same)...).Id(same[0].Type)
			}
			for _, v := range sent {
				g.Add(w.stub("DecodeArg").Call(run.Clone(), jen.Op("&").Id(v.Name)))
			}
			sent = nil
		}
		call := jen.Func().Params(parameters(sent, false)...)
		if body := w.serveBody(m); len(body) == 1 {
			call.Add(oneLine(body[0]))
		} else {
			call.Block(body...)
		}
		g.Add(w.stub(fmt.Sprintf("Serve%d", len(sent))).Call(run.Clone(), call))
	})
}

// serveBody writes the call of a method and the encoding of what it returns.
func (w tableWriter) serveBody(m *Method) []jen.Code {
	var args []jen.Code
	for i, v := range m.Params {
		switch arg := jen.Id(v.Name); {
		case i == m.Context:
			args = append(args, jen.Id(m.Run).Dot("Context").Call())
		case m.Options && i == len(m.Params)-1:
		case m.Variadic && i == len(m.Params)-1:
			args = append(args, arg.Op("..."))
		default:
			args = append(args, arg)
		}
	}
	call := jen.Id(m.Target).Assert(jen.Op("*").Id(w.Type)).Dot(m.Name).Call(args...)
	returned := names(m.Results)
	if m.Fails {
		returned = append(returned, jen.Id(m.Err))
	}
	reply := func(values ...jen.Code) jen.Code {
		return jen.Id(m.Run).Dot("Return").Call(w.stub(fmt.Sprintf("Results%d", len(returned))).Call(values...))
	}
	switch {
	case len(returned) == 0:
		return []jen.Code{call}
	case len(returned) <= most && !m.Fluent:
		return []jen.Code{reply(call)}
	}
	results := returned
	if m.Fluent {
		results = slices.Concat([]jen.Code{jen.Id("_")}, returned)
	}
	body := []jen.Code{jen.List(results...).Op(":=").Add(call)}
	for ; len(returned) > most; returned = returned[1:] {
		body = append(body, w.stub("EncodeResult").Call(jen.Id(m.Run), returned[0]))
	}
	return append(body, reply(returned...))
}
