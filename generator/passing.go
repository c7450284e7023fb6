package generator

import (
	"go/types"
	"slices"
	"strings"
)

// passing is how a parameter or result travels.
type passing struct {
	list string // the list of the method's row that the parameter is in
	back bool   // the parameter comes back from the method
	form bool   // package stub gives the type a form of its own
}

var (
	asValue  = passing{}
	asBuffer = passing{list: "Out", back: true}
	asInOut  = passing{list: "InOut", back: true}
	asFlat   = passing{list: "Compared", back: true}
	asIn     = passing{list: "In"}
	asState  = passing{back: true, form: true}
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
func (m *method) choosePassing(r *reporter, o *checkOptions) {
	signature := plainSignature(m.fn.Signature())
	for i, v := range m.params {
		switch {
		case v.user != "" && slices.Contains(m.inout, v.user):
			m.bothWays(r, v)
		case v.user != "" && slices.Contains(m.in, v.user):
			m.oneWay(r, v)
		case i == m.context:
		case isNamed(v.typ, "fmt", "State"):
			v.passing = asState
		case m.name == "Read" && signature == readSignature, m.name == "ReadAt" && signature == readAtSignature && i == 0:
			v.passing = asBuffer
		case m.readsInto(v):
			v.passing = asInOut
		case !m.isConcurrent(o) && isFlatMemory(v.typ):
			v.passing = asFlat
		}
	}
	for _, v := range m.results {
		if isNamed(v.typ, "log/slog", "Value") {
			v.passing = asLog
		}
	}
	for _, name := range append(slices.Clone(m.inout), m.in...) {
		if !slices.ContainsFunc(m.params, func(v *value) bool { return v.user == name }) {
			m.reportNoParameter(r, name)
		}
	}
}

// readsInto recognises methods such as Read and RecvMsg by their names and first result,
// the number of bytes of the buffer v that they have filled.
func (m *method) readsInto(v *value) bool {
	slice, ok := types.Unalias(v.typ).Underlying().(*types.Slice)
	if !ok || !types.Identical(slice.Elem(), types.Typ[types.Byte]) || len(m.results) == 0 {
		return false
	}
	basic, ok := m.results[0].typ.Underlying().(*types.Basic)
	return ok && basic.Kind() == types.Int && (strings.HasPrefix(m.name, "Read") || strings.HasPrefix(m.name, "Recv"))
}

// oneWay makes changes of v stay in the daemon.
func (m *method) oneWay(r *reporter, v *value) {
	v.passing = asIn
	if !refers(v.typ) {
		r.report(Error, m.pos, m.name, v.label+" needs no in: it holds no memory, so the method changes a copy", m.dropHow("in", v.user, v.user))
	}
}

// bothWays makes v come back from the method.
func (m *method) bothWays(r *reporter, v *value) {
	if slices.Contains(m.in, v.user) {
		r.report(Error, m.pos, m.name, v.label+" is asked to be both in and inout", "keep one: inout copies back what the method changes")
	}
	switch types.Unalias(v.typ).Underlying().(type) {
	case *types.Slice, *types.Map, *types.Pointer:
		v.passing = asInOut
	default:
		r.report(Error, m.pos, m.name, v.label+" cannot be inout: it is no slice, map or pointer, so the method changes a copy", m.dropHow("inout", v.user, v.user))
	}
}

func (m *method) reportNoParameter(r *reporter, name string) {
	var names []string
	for _, v := range m.params {
		if v.user != "" {
			names = append(names, v.user)
		}
	}
	remedy := "its parameters have no names"
	if near := nearest(name, names); near != "" {
		remedy = "did you mean " + near + "?"
	} else if len(names) > 0 {
		remedy = "it has " + strings.Join(names, ", ")
	}
	r.report(Error, m.pos, m.name, "has no parameter "+name, remedy)
}

// places returns where the parameters of a list of the method's row stand among
// those that travel.
func (m *method) places(list string) []int {
	var places []int
	for i, v := range m.withoutContext() {
		if v.passing.list == list {
			places = append(places, i)
		}
	}
	return places
}
