package stub

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
)

// Most arguments and results travel as copies. A method's row lists the arguments that
// are copied back. A fmt.State and a slog.Value have forms of their own on the wire.

// copyBack has what an [Encoder] of arguments knows of those that are copied back.
type copyBack struct {
	method *Method // nil: none is copied back
	place  int     // of the next argument
	fills  []func(*Decoder)
}

// For makes e the encoder of arguments of m. Call it after Reset.
func (e *Encoder) For(m *Method) { e.back = copyBack{method: m} }

// copies reports whether the argument at place is copied back.
func (m *Method) copies(place int) bool {
	return len(m.Out)+len(m.InOut)+len(m.Compared) > 0 &&
		(m.fills(place) || m.compares(place) || slices.Contains(m.InOut, place))
}

// fills reports whether the method fills the buffer at place.
func (m *Method) fills(place int) bool { return slices.Contains(m.Out, place) }

// compares reports whether only the differences of the flat memory at place come back.
func (m *Method) compares(place int) bool { return slices.Contains(m.Compared, place) }

// EncodeArg appends an argument as the method takes it. It fails as [Encode] does.
func EncodeArg[A any](e *Encoder, a A) {
	b := &e.back
	place := b.place
	b.place++
	if p, ok := any(&a).(*fmt.State); ok {
		state := *p
		encodeState(e, state)
		b.fills = append(b.fills, func(d *Decoder) { fillState(d, state) })
		return
	}
	if b.method == nil || !b.method.copies(place) {
		Encode(e, a)
		return
	}
	argument := a // allocated only here
	if b.method.fills(place) {
		buffer := any(argument).([]byte)
		if b.method.Name == "Read" {
			encodeRoom(e, buffer)
		} else {
			encodeBuffer(e, buffer)
		}
		b.fills = append(b.fills, func(d *Decoder) { fillBuffer(d, buffer) })
		return
	}
	Encode(e, argument)
	if b.method.compares(place) {
		b.fills = append(b.fills, func(d *Decoder) { FillChanges(d, argument) })
		return
	}
	b.fills = append(b.fills, func(d *Decoder) { fill(d, argument) })
}

// DecodeResult sets *r to the next result. It fails as [Decode] does.
func DecodeResult[R any](d *Decoder, r *R) {
	if v, ok := any(r).(*slog.Value); ok {
		decodeLogValue(d, v)
		return
	}
	Decode(d, r)
}

// DecodeArg sets *a to the next argument. It fails as [Decode] does. An argument that is
// copied back is encoded after the method's results.
func DecodeArg[A any](run *Run, a *A) {
	place := run.place
	run.place++
	if p, ok := any(a).(*fmt.State); ok {
		decodeState(run.Args, p)
		state := *p
		run.backs = append(run.backs, func(e *Encoder) { encodeWritten(e, state) })
		return
	}
	if !run.method.copies(place) {
		Decode(run.Args, a)
		return
	}
	if p, ok := any(a).(*[]byte); ok && run.method.fills(place) {
		decodeLen(run.Args, p)
		buffer := *p
		run.backs = append(run.backs, func(e *Encoder) { encodeFilled(e, buffer, run.filled) })
		return
	}
	if run.method.compares(place) {
		DecodeCompared(run.Args, a)
		argument := *a
		run.backs = append(run.backs, func(*Encoder) { EncodeChanges(run, argument) })
		return
	}
	Decode(run.Args, a)
	argument := *a
	run.backs = append(run.backs, func(e *Encoder) { Encode(e, argument) })
}

// EncodeResult appends a result that is not the method's error. It fails as [Encode] does.
func EncodeResult[R any](run *Run, r R) {
	run.Failed = isFalse(r)
	switch p := any(&r).(type) {
	case *slog.Value:
		encodeLogValue(run.Results, *p)
		return
	case *int:
		run.filled = *p
	}
	Encode(run.Results, r)
}

// isFalse reports whether r is a false value of a type bool.
func isFalse[R any](r R) bool {
	if reflect.TypeFor[R]().Kind() != reflect.Bool {
		return false
	}
	moved := r // allocated only here
	return !reflect.ValueOf(moved).Bool()
}

// sendBack encodes the arguments that are copied back, once: after the results and before
// the method's error.
func (r *Run) sendBack() {
	backs := r.backs
	r.backs = nil
	for _, encode := range backs {
		encode(r.Results)
	}
}
