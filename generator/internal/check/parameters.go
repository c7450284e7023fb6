package check

import (
	"go/types"
	"slices"
	"strings"
)

// passing is how a parameter or result travels.
type passing struct {
	List string // the list of the method's row that the parameter is in
	Back bool   // the parameter comes back from the method
	form bool   // package stub gives the type a form of its own
}

var (
	asValue  = passing{}
	asBuffer = passing{List: "Out", Back: true}
	asInOut  = passing{List: "InOut", Back: true}
	asFlat   = passing{List: "Compared", Back: true}
	asIn     = passing{List: "In"}
	asState  = passing{Back: true, form: true}
	asLog    = passing{form: true}
)

// The signatures of the methods of io.Reader and io.ReaderAt.
const (
	readSignature   = "func([]byte) (int, error)"
	readAtSignature = "func([]byte, int64) (int, error)"
)

// choosePassing decides how the method's parameters and results travel.
//
// Flat memory is compared after the call of a method that runs in the turn. While a
// concurrent method returns, others may change the memory.
//
// The buffers of Read and ReadAt are not sent, since by the contracts of
// io.Reader and io.ReaderAt nothing is read from them. Other methods with such names
// write to their buffers and may read them: those buffers travel both ways.
func (m settingsReader) choosePassing(r *Reporter, o *Options) {
	signature := plainSignature(m.fn.Signature())
	for i, v := range m.Params {
		switch {
		case v.User != "" && slices.Contains(m.inout, v.User):
			m.bothWays(r, v)
		case v.User != "" && slices.Contains(m.in, v.User):
			m.oneWay(r, v)
		case i == m.Context:
		case IsNamed(v.Typ, "fmt", "State"):
			v.Passing = asState
		case m.Name == "Read" && signature == readSignature, m.Name == "ReadAt" && signature == readAtSignature && i == 0:
			v.Passing = asBuffer
		case m.readsInto(v):
			v.Passing = asInOut
		case !m.isConcurrent(o) && isFlatMemory(v.Typ):
			v.Passing = asFlat
		}
	}
	for _, v := range m.Results {
		if IsNamed(v.Typ, "log/slog", "Value") {
			v.Passing = asLog
		}
	}
	for _, name := range append(slices.Clone(m.inout), m.in...) {
		if !slices.ContainsFunc(m.Params, func(v *Value) bool { return v.User == name }) {
			m.reportNoParameter(r, name)
		}
	}
}

// readsInto recognises methods such as Read and RecvMsg by their names and first result,
// the number of bytes of the buffer v that they have filled.
func (m settingsReader) readsInto(v *Value) bool {
	slice, ok := types.Unalias(v.Typ).Underlying().(*types.Slice)
	if !ok || !types.Identical(slice.Elem(), types.Typ[types.Byte]) || len(m.Results) == 0 {
		return false
	}
	basic, ok := m.Results[0].Typ.Underlying().(*types.Basic)
	return ok && basic.Kind() == types.Int && (strings.HasPrefix(m.Name, "Read") || strings.HasPrefix(m.Name, "Recv"))
}

// oneWay makes changes of v stay in the daemon.
func (m settingsReader) oneWay(r *Reporter, v *Value) {
	v.Passing = asIn
	if !refers(v.Typ) {
		r.Report(Error, m.pos, m.Name, v.label+" needs no in: it holds no memory, so the method changes a copy", m.dropHow("in", v.User))
	}
}

// bothWays makes v come back from the method.
func (m settingsReader) bothWays(r *Reporter, v *Value) {
	if slices.Contains(m.in, v.User) {
		r.Report(Error, m.pos, m.Name, v.label+" is asked to be both in and inout", "keep one: inout copies back what the method changes")
	}
	switch types.Unalias(v.Typ).Underlying().(type) {
	case *types.Slice, *types.Map, *types.Pointer:
		v.Passing = asInOut
	default:
		r.Report(Error, m.pos, m.Name, v.label+" cannot be inout: it is no slice, map or pointer, so the method changes a copy", m.dropHow("inout", v.User))
	}
}

func (m settingsReader) reportNoParameter(r *Reporter, name string) {
	var names []string
	for _, v := range m.Params {
		if v.User != "" {
			names = append(names, v.User)
		}
	}
	remedy := "its parameters have no names"
	if len(names) > 0 {
		remedy = "it has " + strings.Join(names, ", ")
	}
	r.Report(Error, m.pos, m.Name, "has no parameter "+name, didYouMean(name, names, "", remedy))
}

// Places returns where the parameters of a list of the method's row stand among
// those that travel.
func (m *Method) Places(list string) []int {
	var places []int
	for i, v := range m.WithoutContext() {
		if v.Passing.List == list {
			places = append(places, i)
		}
	}
	return places
}

// optionsOf returns the last parameter of m if it takes options that cannot leave
// the process, as in Get(key string, opts ...Option), else nil. The client and the
// daemon do without it. The proxy has it, so it must be possible to write its type.
func (s judge) optionsOf(m *Method) *Value {
	if !m.Variadic || len(m.Params) == 0 {
		return nil
	}
	v := m.Params[len(m.Params)-1]
	slice, ok := v.Typ.(*types.Slice)
	if !ok || v.Passing != asValue || !isOptionType(v, slice.Elem()) {
		return nil
	}
	p := s.walk(v.label, true).data(v.Typ, "", false)
	if p == nil || p.lossy || s.walk(v.label, true).names(slice.Elem(), "") != nil {
		return nil
	}
	return v
}

// isOptionType reports whether elem, the type of the elements of v, is a function or
// an interface, and the name of the type or of v says that these are options.
func isOptionType(v *Value, elem types.Type) bool {
	if IsTypeParam(elem) || !isKind[*types.Signature](nil, elem) && !hasMethods(elem) {
		return false
	}
	names := v.User
	if tn := TypeNameOf(elem); tn != nil {
		names += " " + tn.Name()
	}
	return strings.Contains(strings.ToLower(names), "opt")
}
