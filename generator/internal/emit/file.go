package emit

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dave/jennifer/jen"
)

// File returns the formatted source of the generated file. The error is for a model
// whose source does not parse, or whose parts do not belong together.
func File(m *Model) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	parts := []func(w *writer){
		(*writer).head,
		(*writer).api,
		func(w *writer) { clientWriter{w}.share() },
		func(w *writer) { clientWriter{w}.client() },
		func(w *writer) { proxyWriter{w}.proxy() },
		func(w *writer) { tableWriter{w}.service() },
	}
	sources, errs := make([][]byte, len(parts)), make([]error, len(parts))
	var all sync.WaitGroup
	for i, write := range parts {
		// Most of the time goes into formatting, so the parts are formatted side by side.
		all.Go(func() {
			w := &writer{Model: m, file: jen.NewFile(m.Package)}
			write(w)
			var out bytes.Buffer
			if i == 0 {
				errs[i] = w.file.Render(&out)
			} else {
				errs[i] = w.file.Group.Render(&out)
			}
			sources[i] = bytes.TrimSpace(out.Bytes())
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("formatting the generated file: %w", err)
	}
	return append(bytes.Join(sources, []byte("\n\n")), '\n'), nil
}

// head writes the first comment, the package clause, the imports and the check of the
// version.
func (w *writer) head() {
	w.file.HeaderComment(w.Header)
	if w.Constraint != "" {
		w.file.HeaderComment("")
		w.file.HeaderComment("//go:build " + w.Constraint)
	}
	w.imports()
	w.file.Line()
	w.file.Const().Id("_").Op("=").Add(w.stub("Version1")).Comment("undefined? Run go generate with the loopgen of your go.mod.")
}

// check returns an error if a name by which the runtime looks a method up is not that of
// exactly one row of the table.
func (m *Model) check() error {
	rows := make(map[string]int)
	for _, method := range m.Methods {
		if !method.Detach {
			rows[method.Name]++
		}
	}
	for _, method := range m.Methods {
		switch {
		case !method.Detach && rows[method.Name] != 1:
			return fmt.Errorf("%d methods are called %q", rows[method.Name], method.Name)
		case method.End != "" && rows[method.End] != 1:
			return fmt.Errorf("%s ends with %q, which is not in the table", method.Name, method.End)
		}
	}
	return nil
}

// writer has the model and the file, and writes the parts that several declarations have.
type writer struct {
	*Model
	file *jen.File
}

// imports writes the imports in two groups: the standard library, then the others. All
// names come from the model, so jennifer's own choice has no part in it.
func (w *writer) imports() {
	var standard, others []jen.Code
	for _, i := range w.Imports {
		line := jen.Lit(i.Path)
		if i.Name != "" && i.Name != path.Base(i.Path) {
			line = jen.Id(i.Name).Lit(i.Path)
		}
		if i.Standard {
			standard = append(standard, line)
		} else {
			others = append(others, line)
		}
	}
	w.file.Id("import").Defs(slices.Concat(standard, []jen.Code{jen.Line()}, others)...)
}

func (w *writer) stub(name string) *jen.Statement    { return jen.Id(w.Stub).Dot(name) }
func (w *writer) runtime(name string) *jen.Statement { return jen.Id(w.Runtime).Dot(name) }
func (w *writer) background() *jen.Statement         { return jen.Id(w.Context).Dot("Background").Call() }

// generic writes a name with the type parameters that it declares: CacheClient[K
// comparable, V any].
func (w *writer) generic(name string) *jen.Statement {
	code := jen.Id(name)
	if len(w.TypeParams) == 0 {
		return code
	}
	return code.TypesFunc(func(g *jen.Group) {
		for _, same := range runs(w.TypeParams, func(a, b TypeParam) bool { return a.Constraint == b.Constraint }) {
			names := make([]jen.Code, len(same))
			for i, p := range same {
				names[i] = jen.Id(p.Name)
			}
			g.List(names...).Id(same[0].Constraint)
		}
	})
}

// instance writes a name with the type parameters as its arguments: CacheClient[K, V].
func (w *writer) instance(name string) *jen.Statement {
	var args []string
	for _, p := range w.TypeParams {
		args = append(args, p.Name)
	}
	if len(args) == 0 {
		return jen.Id(name)
	}
	return jen.Id(name + "[" + strings.Join(args, ", ") + "]")
}

// pointer writes (*T), for conversions and method expressions.
func pointer(t jen.Code) *jen.Statement { return jen.Parens(jen.Op("*").Add(t)) }

// comment writes lines of a comment.
func comment(g *jen.Group, lines ...string) {
	for _, line := range lines {
		g.Comment(strings.TrimRight("// "+line, " "))
	}
}

// runs splits a list where neighbours are not alike.
func runs[T any](list []T, alike func(a, b T) bool) (split [][]T) {
	for start := 0; start < len(list); {
		end := start + 1
		for end < len(list) && alike(list[start], list[end]) {
			end++
		}
		split = append(split, list[start:end])
		start = end
	}
	return split
}

func sameType(a, b Value) bool { return a.Type == b.Type }

// parameters writes a list of parameters. Neighbours of one type share it.
func parameters(values []Value, variadic bool) []jen.Code {
	var list []jen.Code
	fixed := values
	if variadic {
		fixed = values[:len(values)-1]
	}
	for _, same := range runs(fixed, sameType) {
		list = append(list, jen.List(names(same)...).Id(same[0].Type))
	}
	if variadic {
		last := values[len(values)-1]
		list = append(list, jen.Id(last.Name).Op("...").Id(strings.TrimPrefix(last.Type, "[]")))
	}
	return list
}

func names(values []Value) []jen.Code {
	list := make([]jen.Code, len(values))
	for i, v := range values {
		list[i] = jen.Id(v.Name)
	}
	return list
}

func typesOf(values []Value) []jen.Code {
	list := make([]jen.Code, len(values))
	for i, v := range values {
		list[i] = jen.Id(v.Type)
	}
	return list
}

// arguments writes the values as the arguments of a call.
func arguments(values []Value, variadic bool) []jen.Code {
	list := names(values)
	if variadic && len(list) > 0 {
		list[len(list)-1] = jen.Id(values[len(values)-1].Name).Op("...")
	}
	return list
}

// results writes the results of m behind those in first. They have the user's names, if
// there are any.
func results(m *Method, fails bool, first ...jen.Code) *jen.Statement {
	list := first
	if m.Named && len(first) == 0 {
		list = parameters(m.Results, false)
		if fails {
			list = append(list, jen.Id(m.Err).Error())
		}
		return jen.Params(list...)
	}
	list = append(list, typesOf(m.Results)...)
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

// sent returns the parameters that are sent.
func (m *Method) sent() []Value {
	params := m.Params
	if m.Options {
		params = params[:len(params)-1]
	}
	if m.Context < 0 {
		return params
	}
	return slices.Concat(params[:m.Context], params[m.Context+1:])
}

// oneLine writes a function body on the line of its head.
func oneLine(code jen.Code) *jen.Statement {
	return jen.Custom(jen.Options{Open: "{ ", Close: " }", Separator: "; "}, code)
}

// rows writes a list with one element to a line.
func rows(elements ...jen.Code) *jen.Statement {
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, elements...)
}

func field(name string, value jen.Code) jen.Code { return jen.Id(name).Op(":").Add(value) }

// duration writes d in the largest unit that leaves no rest.
func (w *writer) duration(d time.Duration) *jen.Statement {
	unit, name := time.Nanosecond, "Nanosecond"
	switch {
	case d%time.Second == 0:
		unit, name = time.Second, "Second"
	case d%time.Millisecond == 0:
		unit, name = time.Millisecond, "Millisecond"
	}
	return jen.Lit(int(d / unit)).Op("*").Id(w.Time).Dot(name)
}
