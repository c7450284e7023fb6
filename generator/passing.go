package generator

import (
	"go/types"
	"slices"
	"strings"
)

// passing is how a parameter or result travels: which functions of package stub
// encode and decode it, and for a parameter that comes back those that encode
// it after the call and put it in place in the caller.
type passing struct {
	encode, decode, back, fill string

	list string // the list of the method's row that the parameter is in
}

var (
	asValue   = passing{encode: "Encode", decode: "Decode"}
	asRoom    = passing{"EncodeRoom", "DecodeLen", "EncodeFilled", "FillBuffer", "Out"}
	asBuffer  = passing{"EncodeLen", "DecodeLen", "EncodeFilled", "FillBuffer", "Out"}
	asSlice   = passing{"Encode", "Decode", "Encode", "FillSlice", "InOut"}
	asMap     = passing{"Encode", "Decode", "Encode", "FillMap", "InOut"}
	asPointer = passing{"Encode", "Decode", "Encode", "FillPointer", "InOut"}
	asState   = passing{"EncodeState", "DecodeState", "EncodeWritten", "FillState", ""}
	asLog     = passing{encode: "EncodeLogValue", decode: "DecodeLogValue"}
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
		case m.name == "Read" && signature == readSignature:
			v.passing = asRoom
		case m.name == "ReadAt" && signature == readAtSignature && i == 0:
			v.passing = asBuffer
		case fillsByName(m, v):
			v.passing = asSlice
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
	case *types.Slice:
		v.passing = asSlice
	case *types.Map:
		v.passing = asMap
	case *types.Pointer:
		v.passing = asPointer
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

// comeBack returns the parameters that travel back as well.
func (m *method) comeBack() []*value {
	var back []*value
	for _, v := range m.params {
		if v.passing.back != "" {
			back = append(back, v)
		}
	}
	return back
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
