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
	asState  = passing{back: true, form: true}
	asLog    = passing{form: true}
)

// choosePassing decides how the method's parameters and results travel.
//
// The buffers of Read and ReadAt are not sent, since by the contracts of
// io.Reader and io.ReaderAt nothing is read from them. Other methods with such names
// write to their buffers and may read them: those buffers travel both ways.
func (m *method) choosePassing(r *reporter) {
	signature := plainSignature(m.fn.Signature())
	for i, v := range m.params {
		switch {
		case v.user != "" && slices.Contains(m.inout, v.user):
			m.bothWays(r, v)
		case i == m.context:
		case isNamed(v.typ, "fmt", "State"):
			v.passing = asState
		case m.name == "Read" && signature == readSignature, m.name == "ReadAt" && signature == readAtSignature && i == 0:
			v.passing = asBuffer
		case fillsByName(m, v):
			v.passing = asInOut
		}
	}
	for _, v := range m.results {
		if isNamed(v.typ, "log/slog", "Value") {
			v.passing = asLog
		}
	}
	for _, name := range m.inout {
		if !slices.ContainsFunc(m.params, func(v *value) bool { return v.user == name }) {
			m.reportNoParameter(r, name)
		}
	}
}

// bothWays makes v come back from the method.
func (m *method) bothWays(r *reporter, v *value) {
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
	r.report(Error, m.pos, m.name, "has no parameter "+name+" to copy back", remedy)
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
