package generator

import (
	"fmt"
	"go/types"
	"time"

	"github.com/dave/jennifer/jen"
)

// emitService writes the method numbers and the dispatch table.
func (s *service) emitService(f *jen.File) {
	n := &s.names
	if len(n.numbers) > 0 {
		comment(f.Group, fmt.Sprintf("The methods of %s by their place in the table.", s.typeName()))
		f.Const().DefsFunc(func(g *jen.Group) {
			first := true
			for _, m := range s.methods {
				if m.detach {
					continue
				}
				line := g.Id(n.numbers[m])
				if first {
					line.Op("=").Iota()
					first = false
				}
			}
		})
		f.Line()
	}
	if len(s.params) > 0 {
		s.emitInstance(f)
		return
	}
	comment(f.Group, fmt.Sprintf("%s is the %s that clients ask for and daemons serve.", n.service, s.typeName()))
	f.Var().Id(n.service).Op("=").Op("&").Add(s.stub("Service")).ValuesFunc(func(g *jen.Group) {
		for _, a := range s.identity() {
			g.Add(field(a.name, a.value))
		}
	})
	f.Line()
	caller := "a method of " + s.typeName()
	if s.typ.Obj().Pkg() != s.src.types {
		caller = "the constructor"
	}
	comment(f.Group,
		fmt.Sprintf("What the daemon calls is set here and not above, since %s may use", caller),
		fmt.Sprintf("%s, and a variable must not depend on itself.", n.share))
	f.Func().Id("init").Params().BlockFunc(func(g *jen.Group) {
		for _, a := range s.serviceTable() {
			g.Id(n.service).Dot(a.name).Op("=").Add(a.value)
		}
		g.Add(s.stub("Register")).Call(jen.Id(n.service))
		s.emitHook(g)
	})
}

// emitInstance writes the function that makes the service of an instance.
func (s *service) emitInstance(f *jen.File) {
	n := &s.names
	comment(f.Group, fmt.Sprintf("%s returns the %s that clients ask for and daemons serve. The first call", n.service, s.typeName()),
		"with the same type arguments registers it.")
	var fields []jen.Code
	for _, a := range s.identity() {
		fields = append(fields, field(a.name, a.value))
	}
	var args []jen.Code
	for _, p := range s.params {
		name := s.names.typeParams[p]
		args = append(args, s.stub("TypeArgOf").Types(jen.Id(name)).Call(jen.Lit(name)))
	}
	fields = append(fields, field("TypeArgs", jen.Index().Add(s.stub("TypeArg")).Values(args...)))
	for _, a := range s.serviceTable() {
		fields = append(fields, field(a.name, a.value))
	}
	f.Func().Add(s.generic(n.service)).Params().Op("*").Add(s.stub("Service")).Block(
		jen.Return(s.stub("RegisterInstance").Call(jen.Op("&").Add(s.stub("Service")).Add(lines("{", "}", fields...)))))
}

// lines writes a list with one element to a line.
func lines(open, end string, elements ...jen.Code) *jen.Statement {
	return jen.Custom(jen.Options{Open: open, Close: end, Separator: ",", Multi: true}, elements...)
}

func field(name string, v jen.Code) jen.Code { return jen.Id(name).Op(":").Add(v) }

// assignment sets a field of the service.
type assignment struct {
	name  string
	value *jen.Statement
}

// identity is what clients need of the service, besides its methods.
func (s *service) identity() []assignment {
	list := []assignment{{"Name", jen.Lit(s.serviceName())}}
	if s.constructor != nil {
		list = append(list, assignment{"Constructor", jen.Lit(s.constructor.name)})
	}
	return list
}

// serviceTable is what the daemon needs.
func (s *service) serviceTable() []assignment {
	table := []assignment{{"New", s.newFunc()}}
	list := func(name, typ string, elements []jen.Code) {
		if len(elements) > 0 {
			table = append(table, assignment{name, jen.Index().Add(s.stub(typ)).Add(lines("{", "}", elements...))})
		}
	}
	var methods, sentinels, errorTypes, dataTypes []jen.Code
	for _, m := range s.methods {
		if !m.detach {
			methods = append(methods, s.methodRow(m))
		}
	}
	for _, v := range s.sentinels {
		sentinels = append(sentinels, jen.Values(field("Name", jen.Lit(s.errorName(v))), field("Error", s.object(v))))
	}
	for _, e := range s.errorTypes {
		typ := s.object(e.obj)
		if e.pointer {
			typ = jen.Op("*").Add(typ)
		}
		errorTypes = append(errorTypes, s.stub("ErrorTypeOf").Types(typ).Call(jen.Lit(s.errorName(e.obj))))
	}
	list("Methods", "Method", methods)
	list("Sentinels", "Sentinel", sentinels)
	for _, t := range s.dataTypes {
		dataTypes = append(dataTypes, s.stub("DataTypeOf").Types(s.expr(t)).Call())
	}
	list("ErrorTypes", "ErrorType", errorTypes)
	list("DataTypes", "DataType", dataTypes)
	if s.check {
		table = append(table, assignment{"Check", jen.True()})
	}
	return table
}

// errorName is what a sentinel or an error type is called on the wire. Of other
// packages it has the import path, since they may have one name.
func (s *service) errorName(obj types.Object) string {
	if obj.Pkg() == s.src.types {
		return obj.Name()
	}
	return obj.Pkg().Path() + "." + obj.Name()
}

// serviceName is the import path and the name in generated code, so that a
// type shared under two names is two services.
func (s *service) serviceName() string { return s.src.types.Path() + "." + s.names.base }

// newFunc writes the function that makes the object from decoded arguments.
func (s *service) newFunc() *jen.Statement {
	c := s.constructor
	zero := c == nil
	if zero {
		c = &constructor{pointer: true}
		c.local.choose(newScope(s.outerNames()))
	}
	l := &c.local
	ctx := "_"
	if c.context {
		ctx = l.ctx
	}
	return jen.Func().Params(jen.Id(ctx).Add(s.context()), jen.Id(l.args).Op("*").Add(s.stub("Decoder"))).
		Params(jen.Any(), jen.Error()).
		BlockFunc(func(g *jen.Group) {
			s.declare(g, c.params)
			for _, d := range s.decode(jen.Id(l.args), c.params) {
				g.Add(d)
			}
			g.If(jen.Id(l.err).Op(":=").Id(l.args).Dot("End").Call(), jen.Id(l.err).Op("!=").Nil()).
				Block(jen.Return(jen.Nil(), jen.Id(l.err)))
			if zero {
				g.Var().Id(l.object).Add(s.expr(s.self))
				g.Return(jen.Op("&").Id(l.object), jen.Nil())
				return
			}
			call := s.construct(c)
			switch {
			case c.pointer && c.fails:
				g.Return(call)
			case c.pointer:
				g.Return(call, jen.Nil())
			case c.fails:
				g.List(jen.Id(l.object), jen.Id(l.err)).Op(":=").Add(call)
				g.Return(jen.Op("&").Id(l.object), jen.Id(l.err))
			default:
				g.Id(l.object).Op(":=").Add(call)
				g.Return(jen.Op("&").Id(l.object), jen.Nil())
			}
		})
}

// construct writes the call that makes the object, with the values that
// were decoded.
func (s *service) construct(c *constructor) *jen.Statement {
	switch {
	case c.empty:
		return s.expr(s.self).Values()
	case c.expr != nil:
		return jen.Op(s.exprText(c.expr))
	}
	code := s.object(c.fn)
	if len(c.typeArgs) > 0 {
		code.TypesFunc(func(g *jen.Group) {
			for _, t := range c.typeArgs {
				g.Add(s.expr(t))
			}
		})
	}
	return code.CallFunc(func(g *jen.Group) {
		if c.context {
			g.Id(c.local.ctx)
		}
		for i, v := range c.params {
			arg := g.Id(v.name)
			if c.variadic && i == len(c.params)-1 {
				arg.Op("...")
			}
		}
	})
}

// serveFunc writes the function that serves a method. Arguments are decoded before
// Begin takes the turn, results encoded before Serve gives it back.
func (s *service) serveFunc(m *method) *jen.Statement {
	l := &m.local
	return jen.Func().Params(jen.Id(l.run).Op("*").Add(s.stub("Run")), jen.Id(l.target).Any()).BlockFunc(func(g *jen.Group) {
		s.declare(g, m.withoutContext())
		for _, d := range s.decode(jen.Id(l.run).Dot("Args"), m.withoutContext()) {
			g.Add(d)
		}
		g.If(jen.Id(l.run).Dot("Begin").Call()).BlockFunc(func(g *jen.Group) { s.callMethod(g, m) })
	})
}

// callMethod writes the call of a method and the encoding of what it returns.
func (s *service) callMethod(g *jen.Group, m *method) {
	l := &m.local
	target := jen.Id(l.target).Assert(jen.Op("*").Add(s.expr(s.self))).Dot(m.name).CallFunc(func(g *jen.Group) {
		for i, v := range m.params {
			if i == m.context {
				g.Id(l.run).Dot("Context").Call()
				continue
			}
			if v == m.options {
				continue
			}
			arg := g.Id(v.name)
			if m.variadic && i == len(m.params)-1 {
				arg.Op("...")
			}
		}
	})
	results := jen.Id(l.run).Dot("Results")
	back, failed := s.back(results, m), m.failed()
	switch {
	case len(m.results) == 0 && !m.fails:
		g.Add(target)
	case !m.fluent && len(m.results) == 0 && len(back) == 0 && failed == nil:
		g.Add(results).Dot("Error").Call(target)
		return
	case !m.fluent && len(m.results) == 1 && !m.fails && len(back) == 0 && failed == nil:
		g.Add(s.encodeOne(results, m.results[0], target))
		return
	default:
		g.ListFunc(func(g *jen.Group) {
			if m.fluent {
				g.Id("_")
			}
			for _, v := range m.results {
				g.Id(v.name)
			}
			if m.fails {
				g.Id(l.err)
			}
		}).Op(":=").Add(target)
	}
	if failed != nil {
		g.Id(l.run).Dot("Failed").Op("=").Add(failed)
	}
	for _, e := range append(s.encode(results, m.results), back...) {
		g.Add(e)
	}
	if m.fails {
		g.Add(results).Dot("Error").Call(jen.Id(l.err))
	}
}

// methodRow writes a method's entry in the table.
func (s *service) methodRow(m *method) *jen.Statement {
	row := []jen.Code{field("Name", jen.Lit(m.name))}
	if m.mode != "" {
		row = append(row, field("Mode", s.stub(m.mode)))
	}
	if m.fluent {
		row = append(row, field("Fluent", jen.True()))
	}
	if m.idempotent {
		row = append(row, field("Idempotent", jen.True()))
	}
	if m.timeout > 0 {
		row = append(row, field("Timeout", s.duration(m.timeout)))
	}
	if m.ending != nil {
		row = append(row, field("End", jen.Lit(m.end)))
		if len(m.ending.withoutContext()) > 0 {
			row = append(row, field("EndArgs", jen.True()))
		}
	}
	for _, list := range []string{"Out", "InOut", "Compared", "In"} {
		if places := m.places(list); len(places) > 0 {
			row = append(row, field(list, jen.Index().Int().ValuesFunc(func(g *jen.Group) {
				for _, place := range places {
					g.Lit(place)
				}
			})))
		}
	}
	function := pointer(s.expr(s.self)).Dot(m.name)
	if m.options != nil {
		function = s.methodType(m)
	}
	row = append(row, field("Func", function), field("Serve", s.serveFunc(m)))
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ", "}, row...)
}

// duration writes d in the largest unit that leaves nothing over.
func (s *service) duration(d time.Duration) jen.Code {
	unit, name := time.Nanosecond, "Nanosecond"
	switch {
	case d%time.Second == 0:
		unit, name = time.Second, "Second"
	case d%time.Millisecond == 0:
		unit, name = time.Millisecond, "Millisecond"
	}
	return jen.Lit(int(d / unit)).Op("*").Id(s.names.imports["time"]).Dot(name)
}
