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
	w.file.Const().Id("_").Op("=").Id(w.stub("Version1")).Comment("undefined? Run go generate with the loopgen of your go.mod.")
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

func (w *writer) stub(name string) string    { return w.Stub + "." + name }
func (w *writer) runtime(name string) string { return w.Runtime + "." + name }

// comment writes lines of a comment.
func comment(g *jen.Group, lines ...string) {
	for _, line := range lines {
		g.Comment(strings.TrimRight("// "+line, " "))
	}
}

// generic returns a name with the type parameters that it declares: CacheClient[K
// comparable, V any].
func (w *writer) generic(name string) string {
	var params []Value
	for _, p := range w.TypeParams {
		params = append(params, Value{p.Name, p.Constraint})
	}
	return brackets(name, parameters(params, false))
}

// instance returns a name with the type parameters as its arguments: CacheClient[K, V].
func (w *writer) instance(name string) string {
	var args []string
	for _, p := range w.TypeParams {
		args = append(args, p.Name)
	}
	return brackets(name, list(args...))
}

func brackets(name, list string) string {
	if list == "" {
		return name
	}
	return name + "[" + list + "]"
}

// list joins the elements that are not empty.
func list(elements ...string) string {
	elements = slices.DeleteFunc(slices.Clone(elements), func(s string) bool { return s == "" })
	return strings.Join(elements, ", ")
}

// sameType splits values where neighbours have different types, and calls each with the
// names of one type.
func sameType(values []Value, each func(names, typ string)) {
	for start, end := 0, 0; start < len(values); start = end {
		for end < len(values) && values[end].Type == values[start].Type {
			end++
		}
		each(list(names(values[start:end])...), values[start].Type)
	}
}

// declare writes variables for the values.
func declare(g *jen.Group, values []Value) {
	sameType(values, func(names, typ string) { g.Var().Id(names).Id(typ) })
}

// parameters returns a list of parameters. Neighbours of one type share it.
func parameters(values []Value, variadic bool) string {
	var params []string
	fixed := values
	if variadic {
		fixed = values[:len(values)-1]
	}
	sameType(fixed, func(names, typ string) { params = append(params, names+" "+typ) })
	if variadic {
		last := values[len(values)-1]
		params = append(params, last.Name+" ..."+strings.TrimPrefix(last.Type, "[]"))
	}
	return list(params...)
}

func names(values []Value) []string {
	var list []string
	for _, v := range values {
		list = append(list, v.Name)
	}
	return list
}

func typesOf(values []Value) []string {
	var list []string
	for _, v := range values {
		list = append(list, v.Type)
	}
	return list
}

// arguments returns the values as the arguments of a call.
func arguments(values []Value, variadic bool) string {
	text := list(names(values)...)
	if variadic && text != "" {
		text += "..."
	}
	return text
}

// results returns the results of m behind the one in first, if it is not empty. They have
// the user's names, if there are any.
func results(m *Method, fails bool, first string) string {
	if m.Named && first == "" {
		text := parameters(m.Results, false)
		if fails {
			text = list(text, m.Err+" error")
		}
		return "(" + text + ")"
	}
	text := list(append([]string{first}, typesOf(m.Results)...)...)
	if fails {
		text = list(text, "error")
	}
	return "(" + text + ")"
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

// duration returns d in the largest unit that leaves no rest.
func (w *writer) duration(d time.Duration) string {
	unit, name := time.Nanosecond, "Nanosecond"
	switch {
	case d%time.Second == 0:
		unit, name = time.Second, "Second"
	case d%time.Millisecond == 0:
		unit, name = time.Millisecond, "Millisecond"
	}
	return fmt.Sprintf("%d * %s.%s", d/unit, w.Time, name)
}

// oneLine writes a function body on the line of its head.
func oneLine(code jen.Code) *jen.Statement {
	return jen.Custom(jen.Options{Open: "{ ", Close: " }", Separator: "; "}, code)
}

// rows writes a list with one element to a line.
func rows(elements ...jen.Code) *jen.Statement {
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, elements...)
}

// field writes a field of a composite literal.
func field(name string, value jen.Code) jen.Code { return jen.Id(name + ":").Add(value) }
