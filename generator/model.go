package generator

import (
	"cmp"
	"go/doc"
	"go/types"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loopgen/loopgen/generator/internal/check"
	"github.com/loopgen/loopgen/generator/internal/emit"
	"github.com/loopgen/loopgen/generator/internal/load"
)

// modeler describes a service whose names are chosen to package emit. Types and
// expressions become text.
type modeler struct{ *shared }

// model returns the model of the service's file.
func (s modeler) model(command string) *emit.Model {
	n := &s.names
	m := &emit.Model{
		Package:    s.Src.Types.Name(),
		Header:     load.Header + strings.TrimPrefix(command, "loopgen ") + `"; DO NOT EDIT.`,
		Constraint: s.Constraint,
		Imports:    s.importLines(),

		Type: s.typeSource(s.Self), Title: s.TypeName(), Service: s.serviceName(),
		API: n.api, Client: n.client, Proxy: n.proxy, Share: n.share, Table: n.service,
		ClientReceiver: n.receiver.client, ProxyReceiver: n.receiver.proxy,
		Context: n.imports["context"], Runtime: n.imports[runtimePath], Stub: n.imports[stubPath], Time: n.imports["time"],

		Constructor: s.constructorModel(),
		ServesInit:  s.Hook,
		Check:       s.Check,
	}
	for _, p := range s.Params {
		m.TypeParams = append(m.TypeParams, emit.TypeParam{Name: n.typeParams[p], Constraint: s.typeConstraint(p.Constraint())})
	}
	for _, method := range s.Methods {
		m.Methods = append(m.Methods, s.methodModel(method))
	}
	for _, v := range s.Sentinels {
		m.Sentinels = append(m.Sentinels, emit.Named{Name: s.errorName(v), Source: s.object(v)})
	}
	for _, e := range s.ErrorTypes {
		source := s.object(e.Obj)
		if e.Pointer {
			source = "*" + source
		}
		m.ErrorTypes = append(m.ErrorTypes, emit.Named{Name: s.errorName(e.Obj), Source: source})
	}
	for _, t := range s.DataTypes {
		m.DataTypes = append(m.DataTypes, s.typeSource(t))
	}
	return m
}

// importLines returns the imports, sorted by path.
func (s modeler) importLines() []emit.Import {
	var list []emit.Import
	for _, path := range slices.Sorted(maps.Keys(s.names.imports)) {
		name, source := s.names.imports[path], path
		// A vendored package is imported by the path behind vendor.
		if _, after, ok := strings.Cut("/"+path, "/vendor/"); ok {
			source = after
		}
		list = append(list, emit.Import{Name: name, Path: source, Standard: s.Src.Imports.Standard(source)})
	}
	return list
}

func (s modeler) values(values []*check.Value) []emit.Value {
	list := make([]emit.Value, len(values))
	for i, v := range values {
		list[i] = emit.Value{Name: s.names.values[v], Type: s.typeSource(v.Typ)}
	}
	return list
}

func (s modeler) constructorModel() emit.Constructor {
	c := s.Constructor
	if c == nil {
		c = &check.Constructor{}
	}
	model := emit.Constructor{
		Name: c.Name, Empty: c.Empty, Context: c.Context, Params: s.values(c.Params), Variadic: c.Variadic,
		Pointer: c.Pointer, Fails: c.Fails,
		Locals: s.names.making,
	}
	switch {
	case c.Empty:
		model.Source = s.typeSource(s.Self) + "{}"
	case c.Expr != nil:
		model.Source = s.exprText(c.Expr)
	case c.Fn != nil:
		model.Source, model.Call = s.object(c.Fn)+s.typeArgs(slices.Values(c.TypeArgs)), true
	}
	return model
}

// implicitHelpers are the functions of package stub for methods that are called unasked.
var implicitHelpers = map[string]string{"Format": "Format", "LogValue": "LogValue", "MarshalJSON": "Marshal", "MarshalText": "Marshal"}

func (s modeler) methodModel(m *check.Method) emit.Method {
	model := emit.Method{
		Name: m.Name, ClientName: clientName(m.Name), Doc: m.Doc,
		Synopsis: new(doc.Package).Synopsis(strings.Join(m.Doc, "\n")), UserParams: s.userParams(m),
		Params: s.values(m.Params), Results: s.values(m.Results), Context: m.Context, Variadic: m.Variadic,
		Named: m.Named, Fails: m.Fails, Fluent: m.Fluent, Options: m.Options != nil, Detach: m.Detach,
		Limit: m.Timeout > 0 && m.Timeout < time.Second/2,
		Mode:  m.Mode, Idempotent: m.Idempotent, Timeout: m.Timeout,
		Func: "(*" + s.typeSource(s.Self) + ")." + m.Name, Locals: s.names.locals[m],
	}
	if m.Implicit() {
		model.Implicit = "Text"
		if helper := implicitHelpers[m.Name]; helper != "" {
			model.Implicit = helper
		}
	}
	if m.Ending != nil {
		model.End, model.EndArgs = m.End, len(m.Ending.WithoutContext()) > 0
	}
	for _, list := range []string{"Out", "InOut", "Compared", "In"} {
		if places := m.Places(list); len(places) > 0 {
			model.Places = append(model.Places, emit.Places{Field: list, Params: places})
		}
	}
	if m.Options != nil {
		model.Func = s.functionType(m)
	}
	return model
}

// userParams returns the names of the parameters that are sent, with spaces between. One
// without a name has the name in generated code.
func (s modeler) userParams(m *check.Method) string {
	var list []string
	for _, v := range m.WithoutContext() {
		list = append(list, cmp.Or(v.User, s.names.values[v]))
	}
	return strings.Join(list, " ")
}

// functionType returns a nil function of the type of m's method expression without its
// options.
func (s modeler) functionType(m *check.Method) string {
	receiver := "*" + s.typeSource(s.Self)
	params, results := []string{receiver}, []string{}
	for _, v := range m.Params {
		if v != m.Options {
			params = append(params, s.typeSource(v.Typ))
		}
	}
	if m.Fluent {
		results = append(results, receiver)
	}
	for _, v := range m.Results {
		results = append(results, s.typeSource(v.Typ))
	}
	if m.Fails {
		results = append(results, "error")
	}
	return "(func(" + strings.Join(params, ", ") + ") (" + strings.Join(results, ", ") + "))(nil)"
}

// errorName is the name of a sentinel or an error type on the wire. Those of other
// packages have the import path, since two may have one name.
func (s *shared) errorName(obj types.Object) string {
	if obj.Pkg() == s.Src.Types {
		return obj.Name()
	}
	return obj.Pkg().Path() + "." + obj.Name()
}

// serviceName is the import path and the name in generated code, so that a type shared
// under two names is two services.
func (s *shared) serviceName() string { return s.Src.Types.Path() + "." + s.names.base }

// checkedByVet are the method names for which go vet insists on a signature that has no
// context.
var checkedByVet = []string{"Format", "GobDecode", "GobEncode", "MarshalJSON", "MarshalXML", "ReadByte", "ReadFrom", "ReadRune",
	"Scan", "Seek", "UnmarshalJSON", "UnmarshalXML", "UnreadByte", "UnreadRune", "WriteByte", "WriteTo"}

// clientName returns the name that the client's method has.
func clientName(method string) string {
	if slices.Contains(checkedByVet, method) {
		return method + "Context"
	}
	return method
}
