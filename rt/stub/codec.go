package stub

import (
	"reflect"
	"sync/atomic"
)

// Codec encodes and decodes values of type T with generated code. Its results are
// always those of [Encode] and [Decode]. It leaves unusual values to these two, such as
// strings that are not UTF-8 and items that are not a T. They report the errors. All
// methods may be called concurrently, each with its own Encoder or Decoder.
type Codec[T any] struct {
	layout string
	write  func(*Writer, T)
	read   func(*Reader) T
	state  atomic.Uint32 // the result of Current
}

// NewCodec returns the codec that was generated for a type of the given layout. write
// and read are called for one value after the other, and must not retain their
// argument. If T has another layout, the codec uses Encode and Decode.
func NewCodec[T any](layout string, write func(*Writer, T), read func(*Reader) T) *Codec[T] {
	return &Codec[T]{layout: layout, write: write, read: read}
}

const (
	codecUnknown = iota
	codecCurrent
	codecStale
)

// Current reports whether T has the layout for which the code was generated. If not,
// the codec uses reflection. So a field that was added or a tag that was changed since
// has the same effect as in regenerated code. It may be called concurrently.
func (c *Codec[T]) Current() bool {
	state := c.state.Load()
	if state == codecUnknown {
		state = codecStale
		if hasLayout(reflect.TypeFor[T](), c.layout) {
			state = codecCurrent
		}
		c.state.Store(state)
	}
	return state == codecCurrent
}

// Encode does what [Encode] does.
func (c *Codec[T]) Encode(e *Encoder, v T) {
	if e.err == nil && c.Current() {
		w := &e.writer
		w.begin(e.buf, e.limit)
		c.write(w, v)
		if b, ok := w.end(); ok {
			e.buf = b
			e.added(reflect.TypeFor[T]())
			return
		}
	}
	Encode(e, v)
}

// Decode does what [Decode] does.
func (c *Codec[T]) Decode(d *Decoder, v *T) {
	if d.err == nil && d.next < d.count && c.Current() {
		r := &d.reader
		r.begin(d.rest)
		fresh := c.read(r)
		if rest, ok := r.end(); ok {
			d.next, d.rest = d.next+1, rest
			*v = fresh
			return
		}
	}
	Decode(d, v)
}
