package stub

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// A method's changes to its arguments are sent after its results and before its error.
// In the caller, End copies them back after it has checked the whole message. So a call
// that fails leaves the arguments unchanged.

// reserve is the number of bytes in a message besides those of a buffer: other results
// and an error.
const reserve = 64 << 10

// encodeBuffer appends the length of p instead of its bytes, for a buffer that the method
// fills. If reads is set, the method is that of an io.Reader, which may read less than the
// buffer holds: then the length is at most the bytes that one message can return.
// Otherwise Finish fails for a longer buffer.
func encodeBuffer(e *Encoder, p []byte, reads bool) {
	most := max(e.limit-reserve, 0)
	switch {
	case len(p) <= most:
	case reads:
		p = p[:most]
	case e.err == nil:
		e.fail(fmt.Errorf("%w: a buffer of %d bytes, the limit is %d", ErrTooLarge, len(p), most))
		return
	}
	encodeLen(e, p)
}

func encodeLen(e *Encoder, p []byte) {
	if p == nil {
		Encode[*int](e, nil)
		return
	}
	n := len(p)
	Encode(e, &n)
}

// decodeLen sets *p to a buffer for the method to fill. It has the length of the
// caller's buffer.
func decodeLen(d *Decoder, p *[]byte) {
	*p = nil
	var n *int
	Decode(d, &n)
	switch {
	case n == nil:
	case *n < 0 || *n > value.MaxBuffer:
		d.refuse(fmt.Sprintf("a buffer of %d bytes", *n))
	default:
		*p = make([]byte, *n)
	}
}

// encodeFilled appends the first n bytes of p, which the method reports as filled.
func encodeFilled(e *Encoder, p []byte, n int) {
	Encode(e, p[:min(max(n, 0), len(p))])
}

// fillBuffer decodes the next value, the bytes of a filled buffer. If the message is
// valid, End copies them to the start of p.
func fillBuffer(d *Decoder, p []byte) {
	var filled []byte
	Decode(d, &filled)
	if len(filled) > len(p) {
		d.refuse("more bytes than the buffer has")
	}
	d.shares(reflect.ValueOf(p[:min(len(filled), len(p))]))
	d.onEnd(func() { copy(p, filled) })
}

// fill decodes the next value, an argument as the method left it. If the message is
// valid, End copies it into to: into the elements of a slice, the entries of a map or
// the variable behind a pointer.
func fill(d *Decoder, to reflect.Value) {
	from := reflect.New(to.Type()).Elem()
	d.decode(from)
	switch to.Kind() {
	case reflect.Slice:
		if from.Len() != to.Len() {
			d.refuse("another number of elements than was sent")
		}
		d.shares(to)
		d.onEnd(func() { reflect.Copy(to, from) })
	case reflect.Map:
		if to.IsNil() && from.Len() > 0 {
			d.refuse("entries for a map that is nil")
		}
		d.shares(to)
		d.onEnd(func() {
			to.Clear()
			for entries := from.MapRange(); entries.Next(); {
				to.SetMapIndex(entries.Key(), entries.Value())
			}
		})
	default:
		if from.IsNil() != to.IsNil() {
			d.refuse("nil instead of a value, or a value instead of nil")
		}
		d.shares(memoryOf(to))
		d.onEnd(func() {
			if !to.IsNil() {
				to.Elem().Set(from.Elem())
			}
		})
	}
}

// refuse makes End fail because of the last decoded value.
func (d *Decoder) refuse(reason string) {
	if d.err == nil && d.next <= d.count {
		d.err = &DecodeError{d.next - 1, errors.New(reason)}
	}
}

// onEnd has End call fill, which writes to an argument.
func (d *Decoder) onEnd(fill func()) {
	d.copiedBack().changed = true
	d.fills = append(d.fills, fill)
}
