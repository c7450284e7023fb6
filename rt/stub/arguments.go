package stub

import (
	"bytes"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
)

// Most arguments and results travel as copies. A method's row lists the arguments that
// come back to the caller. A fmt.State and a slog.Value have forms of their own on the
// wire.

// back is how an argument comes back to the caller.
type back uint8

const (
	never    back = iota
	filled        // the bytes that the method has put into a buffer
	compared      // the differences of flat memory
	whole         // the argument as the method left it
	written       // the text that the method has written into a fmt.State
)

// back returns how the argument at place comes back, a fmt.State apart.
func (m *Method) back(place int) back {
	switch {
	case m == nil || len(m.Out)+len(m.Compared)+len(m.InOut) == 0: // usual case
		return never
	case slices.Contains(m.Out, place):
		return filled
	case slices.Contains(m.Compared, place):
		return compared
	case slices.Contains(m.InOut, place):
		return whole
	}
	return never
}

// argument is an argument that comes back.
type argument struct {
	back  back
	bytes []byte        // an argument of type []byte, which costs no allocation
	v     reflect.Value // an argument of another type
	state fmt.State     // that of written
}

// argumentOf returns the argument *a, which comes back in that way.
func argumentOf[A any](back back, a *A) argument {
	if p, ok := any(a).(*[]byte); ok {
		return argument{back: back, bytes: *p}
	}
	kept := *a // allocated only here
	return argument{back: back, v: reflect.ValueOf(&kept).Elem()}
}

// value returns the argument itself.
func (a *argument) value() reflect.Value {
	if a.v.IsValid() {
		return a.v
	}
	return reflect.ValueOf(a.bytes)
}

// sentArguments are the arguments that an [Encoder] has sent.
type sentArguments struct {
	method *Method // nil: none comes back
	place  int     // of the next argument
	back   []argument
}

// For makes e the encoder of arguments of m. Call it after Reset.
func (e *Encoder) For(m *Method) { e.sent.method = m }

// EncodeArg appends an argument as the method takes it. It fails as [Encode] does.
func EncodeArg[A any](e *Encoder, a A) {
	s := &e.sent
	how := s.method.back(s.place)
	s.place++
	if p, ok := any(&a).(*fmt.State); ok {
		encodeState(e, *p)
		s.back = append(s.back, argument{back: written, state: *p})
		return
	}
	switch how {
	case never:
		Encode(e, a)
		return
	case filled:
		encodeBuffer(e, *any(&a).(*[]byte), s.method.Name == "Read")
	default:
		Encode(e, a)
	}
	s.back = append(s.back, argumentOf(how, &a))
}

// takeBack decodes the arguments that come back, after the results.
func (e *Encoder) takeBack(d *Decoder) {
	for i := range e.sent.back {
		switch a := &e.sent.back[i]; a.back {
		case filled:
			fillBuffer(d, a.bytes)
		case compared:
			fillChanges(d, a)
		case whole:
			fill(d, a.value())
		case written:
			fillState(d, a.state)
		}
	}
	e.forget()
}

// forget lets the collector free the arguments. The encoder may be kept for another call.
func (e *Encoder) forget() {
	clear(e.sent.back)
	e.sent = sentArguments{back: e.sent.back[:0]}
}

// DecodeResult sets *r to the next result. It fails as [Decode] does.
func DecodeResult[R any](d *Decoder, r *R) {
	if v, ok := any(r).(*slog.Value); ok {
		decodeLogValue(d, v)
		return
	}
	Decode(d, r)
}

// DecodeArg sets *a to the next argument. It fails as [Decode] does. An argument that
// comes back is encoded after the method's results.
func DecodeArg[A any](run *Run, a *A) {
	d := run.Args
	how := run.method.back(run.place)
	run.place++
	if p, ok := any(a).(*fmt.State); ok {
		decodeState(d, p)
		d.comesBack(argument{back: written, state: *p})
		return
	}
	switch {
	case how == filled:
		decodeLen(d, any(a).(*[]byte))
	case how == never && d.watch != nil:
		message := bytes.Clone(d.rest) // bytes of the argument may be bytes of the message
		Decode(d, a)
		d.watch.add(run, message, argumentOf(whole, a))
		return
	default:
		Decode(d, a)
	}
	if how != never {
		d.comesBack(argumentOf(how, a))
	}
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

// sendBack encodes the arguments that come back, once: after the results and before the
// method's error.
func (r *Run) sendBack() {
	b := r.Args.back
	if b == nil {
		return
	}
	for i := range b.args {
		switch a := &b.args[i]; a.back {
		case filled:
			encodeFilled(r.Results, a.bytes, r.filled)
		case compared:
			Encode(r.Results, b.changes(a))
		case whole:
			r.Results.append(a.value())
		case written:
			encodeWritten(r.Results, a.state)
		}
	}
	r.Args.release()
}
