package generator

import (
	"bytes"
	"fmt"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"
)

// emit returns the formatted source of the file for s.
func (s *service) emit(command string) ([]byte, error) {
	f := jen.NewFile(s.src.types.Name())
	f.HeaderComment(header + strings.TrimPrefix(command, "loopgen ") + `"; DO NOT EDIT.`)
	if s.constraint != "" {
		f.HeaderComment("")
		f.HeaderComment("//go:build " + s.constraint)
	}
	s.emitImports(f)
	f.Line()
	comment(f.Group, "This file was generated for version 1 of the loopgen runtime. If the next line",
		"does not compile, the two do not belong together: bring the command loopgen and",
		"the module github.com/loopgen/loopgen to the same version, then run go generate.")
	f.Const().Id("_").Op("=").Add(s.stub("Version1"))
	f.Line()
	s.emitAPI(f)
	s.emitShare(f)
	s.emitClient(f)
	s.emitProxy(f)
	s.emitService(f)
	var out bytes.Buffer
	if err := f.Render(&out); err != nil {
		return nil, fmt.Errorf("formatting the generated file: %w", err)
	}
	return out.Bytes(), nil
}

// emitImports writes the imports in two groups: the standard library, then
// the others. All references go through s.names.imports, so jennifer's own
// choice of import names, which knows nothing of parameters, has no part in it.
func (s *service) emitImports(f *jen.File) {
	var standard, others []jen.Code
	for _, importPath := range slices.Sorted(maps.Keys(s.names.imports)) {
		name, source := s.names.imports[importPath], importPath
		// A vendored package is imported by the path behind vendor.
		if _, after, ok := strings.Cut("/"+importPath, "/vendor/"); ok {
			source = after
		}
		line := jen.Lit(source)
		if name != path.Base(source) {
			line = jen.Id(name).Lit(source)
		}
		if s.src.standard(source) {
			standard = append(standard, line)
		} else {
			others = append(others, line)
		}
	}
	f.Id("import").DefsFunc(func(g *jen.Group) {
		for _, line := range standard {
			g.Add(line)
		}
		g.Line()
		for _, line := range others {
			g.Add(line)
		}
	})
}

func (s *service) context() *jen.Statement {
	return jen.Id(s.names.imports["context"]).Dot("Context")
}
func (s *service) rt(name string) *jen.Statement {
	return jen.Id(s.names.imports[runtimePath]).Dot(name)
}
func (s *service) stub(name string) *jen.Statement {
	return jen.Id(s.names.imports[stubPath]).Dot(name)
}

// generic writes the name of a type or function with its type parameters, if it
// has any: CacheClient[K comparable, V any].
func (s *service) generic(name string) *jen.Statement {
	code := jen.Id(name)
	if len(s.params) == 0 {
		return code
	}
	return code.TypesFunc(func(g *jen.Group) {
		for i := 0; i < len(s.params); {
			constraint := s.params[i].Constraint()
			g.ListFunc(func(g *jen.Group) {
				for ; i < len(s.params) && sameSource(s.params[i].Constraint(), constraint); i++ {
					g.Id(s.names.typeParams[s.params[i]])
				}
			}).Add(s.typeConstraint(constraint))
		}
	})
}

// instance writes the name with the type parameters as arguments:
// CacheClient[K, V].
func (s *service) instance(name string) *jen.Statement {
	code := jen.Id(name)
	if len(s.params) == 0 {
		return code
	}
	return code.TypesFunc(func(g *jen.Group) {
		for _, p := range s.params {
			g.Id(s.names.typeParams[p])
		}
	})
}

// pointer writes (*T), for conversions and method expressions.
func pointer(t *jen.Statement) *jen.Statement { return jen.Parens(jen.Op("*").Add(t)) }

func comment(g *jen.Group, lines ...string) {
	for _, line := range lines {
		g.Comment(strings.TrimRight("// "+line, " "))
	}
}

// emitAPI writes the interface and the proof that type and proxy implement it.
func (s *service) emitAPI(f *jen.File) {
	n := &s.names
	comment(f.Group, fmt.Sprintf("%s is what a shared %s can do. *%s and *%s implement it;", n.api, s.typeName(), s.typeName(), n.proxy),
		"so may a fake in tests.")
	f.Type().Add(s.generic(n.api)).InterfaceFunc(func(g *jen.Group) {
		methods := s.proxyMethods()
		for i, m := range methods {
			if i > 0 && len(m.doc)+len(methods[i-1].doc) > 0 {
				g.Line()
			}
			comment(g, m.doc...)
			g.Id(m.name).Params(s.parameters(m.params, m.variadic)...).Add(s.resultList(m, m.fails))
		}
	})
	f.Line()
	implements := func(t *jen.Statement) jen.Code {
		return jen.Id("_").Add(s.instance(n.api)).Op("=").Add(pointer(t)).Parens(jen.Nil())
	}
	proof := jen.Var().Defs(implements(s.expr(s.self)), implements(s.instance(n.proxy)))
	if len(s.params) > 0 {
		comment(f.Group, "A function, since a variable has no type parameters.")
		proof = jen.Func().Add(s.generic("_")).Params().Block(proof)
	}
	f.Add(proof)
	f.Line()
}

// parameters writes a parameter list; neighbours of one type share it.
func (s *service) parameters(values []*value, variadic bool) []jen.Code {
	var list []jen.Code
	for i := 0; i < len(values); {
		last := func(j int) bool { return variadic && j == len(values)-1 }
		j := i + 1
		for j < len(values) && !last(i) && !last(j) && sameSource(values[i].typ, values[j].typ) {
			j++
		}
		code := jen.ListFunc(func(g *jen.Group) {
			for _, v := range values[i:j] {
				g.Id(v.name)
			}
		})
		if last(i) {
			code.Op("...").Add(s.expr(values[i].typ.(*types.Slice).Elem()))
		} else {
			code.Add(s.expr(values[i].typ))
		}
		list = append(list, code)
		i = j
	}
	return list
}

// sameSource reports whether two types are written alike.
func sameSource(a, b types.Type) bool {
	return types.TypeString(a, nil) == types.TypeString(b, nil)
}

// resultList writes the results after those in first, with an error last if fails.
// They have names where the user's have.
func (s *service) resultList(m *method, fails bool, first ...jen.Code) *jen.Statement {
	list := first
	if m.named {
		list = s.parameters(m.results, false)
		if fails {
			list = append(list, jen.Id(m.local.err).Error())
		}
		return jen.Params(list...)
	}
	for _, v := range m.results {
		list = append(list, s.expr(v.typ))
	}
	if fails {
		list = append(list, jen.Error())
	}
	switch len(list) {
	case 0:
		return jen.Null()
	case 1:
		return jen.Add(list[0])
	}
	return jen.Params(list...)
}

// closure writes func(name *stub.T) { … } on one line while it is short, and
// nil when there is nothing to do.
func closure(name string, t *jen.Statement, statements []jen.Code) *jen.Statement {
	if len(statements) == 0 {
		return jen.Nil()
	}
	head := jen.Func().Params(jen.Id(name).Op("*").Add(t))
	if len(statements) > 2 {
		return head.Block(statements...)
	}
	return head.Custom(jen.Options{Open: "{ ", Close: " }", Separator: "; "}, statements...)
}

// encode writes stub.Encode(to, name) for each value.
func (s *service) encode(to *jen.Statement, values []*value) []jen.Code {
	var list []jen.Code
	for _, v := range values {
		list = append(list, s.encodeOne(to, v, jen.Id(v.name)))
	}
	return list
}

// encodeOne writes stub.Encode(to, what).
func (s *service) encodeOne(to *jen.Statement, v *value, what *jen.Statement) jen.Code {
	return s.stub(v.passing.encode).Call(to.Clone(), what)
}

// decode writes stub.Decode(from, &name) for each value.
func (s *service) decode(from *jen.Statement, values []*value) []jen.Code {
	var list []jen.Code
	for _, v := range values {
		list = append(list, s.stub(v.passing.decode).Call(from.Clone(), jen.Op("&").Id(v.name)))
	}
	return list
}

// back writes stub.Encode(to, name) for each parameter of m that comes back.
func (s *service) back(to *jen.Statement, m *method) []jen.Code {
	var list []jen.Code
	for _, v := range m.comeBack() {
		args := []jen.Code{to.Clone(), jen.Id(v.name)}
		switch v.passing.list {
		case "Out":
			args = append(args, jen.Id(m.results[0].name)) // how many bytes were filled
		case "Compared":
			args[0] = jen.Id(m.local.run) // has the copy from before the call
		}
		list = append(list, s.stub(v.passing.back).Call(args...))
	}
	return list
}

// fill writes stub.FillSlice(from, name) for each parameter of m that comes back.
func (s *service) fill(from *jen.Statement, m *method) []jen.Code {
	var list []jen.Code
	for _, v := range m.comeBack() {
		list = append(list, s.stub(v.passing.fill).Call(from.Clone(), jen.Id(v.name)))
	}
	return list
}

// declare writes a variable for each value; neighbours of one type share a line.
func (s *service) declare(g *jen.Group, values []*value) {
	for _, group := range s.parameters(values, false) {
		g.Var().Add(group)
	}
}
