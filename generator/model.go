package generator

import (
	"go/types"
	"maps"
	"slices"
	"strings"
	"time"

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
		Package:    s.src.Types.Name(),
		Header:     load.Header + strings.TrimPrefix(command, "loopgen ") + `"; DO NOT EDIT.`,
		Constraint: s.constraint,
		Imports:    s.importLines(),

		Type: s.typeSource(s.self), Title: s.typeName(), Service: s.serviceName(),
		API: n.api, Client: n.client, Proxy: n.proxy, Share: n.share, Table: n.service,
		ClientReceiver: n.receiver.client, ProxyReceiver: n.receiver.proxy,
		Context: n.imports["context"], Runtime: n.imports[runtimePath], Stub: n.imports[stubPath], Time: n.imports["time"],

		Constructor: s.constructorModel(),
		ServesInit:  s.hook,
		Check:       s.check,
	}
	for _, p := range s.params {
		m.TypeParams = append(m.TypeParams, emit.TypeParam{Name: n.typeParams[p], Constraint: s.typeConstraint(p.Constraint())})
	}
	for _, method := range s.methods {
		m.Methods = append(m.Methods, s.methodModel(method))
	}
	for _, v := range s.sentinels {
		m.Sentinels = append(m.Sentinels, emit.Named{Name: s.errorName(v), Source: s.object(v)})
	}
	for _, e := range s.errorTypes {
		source := s.object(e.obj)
		if e.pointer {
			source = "*" + source
		}
		m.ErrorTypes = append(m.ErrorTypes, emit.Named{Name: s.errorName(e.obj), Source: source})
	}
	for _, t := range s.dataTypes {
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
		list = append(list, emit.Import{Name: name, Path: source, Standard: s.src.Imports.Standard(source)})
	}
	return list
}

func (s modeler) values(values []*value) []emit.Value {
	list := make([]emit.Value, len(values))
	for i, v := range values {
		list[i] = emit.Value{Name: s.names.values[v], Type: s.typeSource(v.typ)}
	}
	return list
}

func (s modeler) constructorModel() emit.Constructor {
	c := s.constructor
	if c == nil {
		c = &constructor{}
	}
	l := &s.names.making
	model := emit.Constructor{
		Name: c.name, Empty: c.empty, Context: c.context, Params: s.values(c.params), Variadic: c.variadic,
		Pointer: c.pointer, Fails: c.fails,
		Cfg: l.cfg, Conn: l.conn, Encoder: l.encoder, Ctx: l.ctx, Args: l.args, Object: l.object, Err: l.err,
	}
	switch {
	case c.empty:
		model.Source = s.typeSource(s.self) + "{}"
	case c.expr != nil:
		model.Source = s.exprText(c.expr)
	case c.fn != nil:
		model.Source, model.Call = s.object(c.fn)+s.typeArgs(slices.Values(c.typeArgs)), true
	}
	return model
}

// implicitHelpers are the functions of package stub for methods that are called unasked.
var implicitHelpers = map[string]string{"Format": "Format", "LogValue": "LogValue", "MarshalJSON": "Marshal", "MarshalText": "Marshal"}

func (s modeler) methodModel(m *method) emit.Method {
	l := s.names.locals[m]
	model := emit.Method{
		Name: m.name, ClientName: clientName(m.name), Doc: m.doc,
		Params: s.values(m.params), Results: s.values(m.results), Context: m.context, Variadic: m.variadic,
		Named: m.named, Fails: m.fails, Fluent: m.fluent, Options: m.options != nil, Detach: m.detach,
		Limit: m.timeout > 0 && m.timeout < time.Second/2,
		Mode:  m.mode, Idempotent: m.idempotent, Timeout: m.timeout,
		Func: "(*" + s.typeSource(s.self) + ")." + m.name,
		Ctx:  l.ctx, Err: l.err, Encoder: l.encoder, Decoder: l.decoder, Run: l.run, Target: l.target,
	}
	if m.implicit() {
		model.Implicit = "Text"
		if helper := implicitHelpers[m.name]; helper != "" {
			model.Implicit = helper
		}
	}
	if m.ending != nil {
		model.End, model.EndArgs = m.end, len(m.ending.withoutContext()) > 0
	}
	for _, list := range []string{"Out", "InOut", "Compared", "In"} {
		if places := m.places(list); len(places) > 0 {
			model.Places = append(model.Places, emit.Places{Field: list, Params: places})
		}
	}
	if m.options != nil {
		model.Func = s.functionType(m)
	}
	return model
}

// functionType returns a nil function of the type of m's method expression without its
// options.
func (s modeler) functionType(m *method) string {
	receiver := types.NewVar(0, nil, "", types.NewPointer(s.self))
	params, results := []*types.Var{receiver}, []*types.Var{}
	for _, v := range m.params {
		if v != m.options {
			params = append(params, types.NewVar(0, nil, "", v.typ))
		}
	}
	if m.fluent {
		results = append(results, receiver)
	}
	for _, v := range m.results {
		results = append(results, types.NewVar(0, nil, "", v.typ))
	}
	if m.fails {
		results = append(results, types.NewVar(0, nil, "", types.Universe.Lookup("error").Type()))
	}
	sig := types.NewSignatureType(nil, nil, nil, types.NewTuple(params...), types.NewTuple(results...), false)
	return "(" + s.typeSource(sig) + ")(nil)"
}

// errorName is the name of a sentinel or an error type on the wire. Those of other
// packages have the import path, since two may have one name.
func (s *shared) errorName(obj types.Object) string {
	if obj.Pkg() == s.src.Types {
		return obj.Name()
	}
	return obj.Pkg().Path() + "." + obj.Name()
}

// serviceName is the import path and the name in generated code, so that a type shared
// under two names is two services.
func (s *shared) serviceName() string { return s.src.Types.Path() + "." + s.names.base }

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
