package stub

import (
	"reflect"
	"sync/atomic"
)

// Codec encodes and decodes values of type T by code that was generated for it.
// It is a short cut, never a second truth: what comes of it is what [Encode] and
// [Decode] make, which it leaves everything to that is out of the ordinary, as
// the text that is not UTF-8 and whatever does not look like a T. They find what
// is wrong with it, if anything is.
type Codec[T any] struct {
	layout string
	write  func(*Writer, T)
	read   func(*Reader) T
	state  atomic.Uint32 // what Current has found
}

// NewCodec returns the codec that was generated for a type of the given layout.
// write and read are called one value after the other, and keep nothing.
func NewCodec[T any](layout string, write func(*Writer, T), read func(*Reader) T) *Codec[T] {
	return &Codec[T]{layout: layout, write: write, read: read}
}

const (
	codecUnknown = iota
	codecCurrent
	codecStale
)

// Current reports whether T is made as it was when the code was generated. If
// it is not, the codec takes the long way: a field that was added since, and a
// tag that was changed, are as good as if the code had been generated again. It
// may be called concurrently.
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

// Encode is [Encode].
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

// Decode is [Decode].
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
