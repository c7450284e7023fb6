package stub

import (
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// A method's changes to its arguments are sent after its results and before its error.
// In the caller, End copies them back after it has checked the whole message. So a call
// that fails leaves the arguments unchanged.

// reserve is the number of bytes in a message besides those of a buffer: other results
// and an error.
const reserve = 64 << 10

// EncodeLen appends the length of p instead of its bytes, for a buffer that the method
// fills. Finish fails if so many bytes could not be returned in one message.
func EncodeLen[S ~[]byte](e *Encoder, p S) {
	if most := e.limit - reserve; e.err == nil && len(p) > most {
		e.fail(fmt.Errorf("%w: a buffer of %d bytes, the limit is %d", ErrTooLarge, len(p), most))
		return
	}
	encodeLen(e, p)
}

// EncodeRoom is EncodeLen for an io.Reader. A Reader may read less than the buffer
// holds, so EncodeRoom reduces the length to what one message can return.
func EncodeRoom[S ~[]byte](e *Encoder, p S) {
	encodeLen(e, p[:min(len(p), max(e.limit-reserve, 0))])
}

func encodeLen[S ~[]byte](e *Encoder, p S) {
	if p == nil {
		Encode[*int](e, nil)
		return
	}
	n := len(p)
	Encode(e, &n)
}

// DecodeLen sets *p to a buffer for the method to fill. It has the length of the
// caller's buffer.
func DecodeLen[S ~[]byte](d *Decoder, p *S) {
	*p = nil
	var n *int
	Decode(d, &n)
	switch {
	case n == nil:
	case *n < 0 || *n > value.MaxBuffer:
		d.refuse(fmt.Sprintf("a buffer of %d bytes", *n))
	default:
		*p = make(S, *n)
	}
}

// EncodeFilled appends the first n bytes of p, which the method reports as filled.
func EncodeFilled[S ~[]byte](e *Encoder, p S, n int) {
	Encode(e, p[:min(max(n, 0), len(p))])
}

// FillBuffer decodes the next value, the bytes of a filled buffer. If the message is
// valid, End copies them to the start of p.
func FillBuffer[S ~[]byte](d *Decoder, p S) {
	var filled S
	Decode(d, &filled)
	if len(filled) > len(p) {
		d.refuse("more bytes than the buffer has")
	}
	d.shares(reflect.ValueOf(p[:min(len(filled), len(p))]))
	d.onEnd(func() { copy(p, filled) })
}

// FillSlice decodes the next value. If the message is valid, End copies it into the
// elements of s.
func FillSlice[S ~[]E, E any](d *Decoder, s S) {
	var after S
	Decode(d, &after)
	if len(after) != len(s) {
		d.refuse("another number of elements than was sent")
	}
	d.shares(reflect.ValueOf(s))
	d.onEnd(func() { copy(s, after) })
}

// FillMap decodes the next value. If the message is valid, End copies it into the
// entries of m.
func FillMap[M ~map[K]V, K comparable, V any](d *Decoder, m M) {
	var after M
	Decode(d, &after)
	if m == nil && len(after) > 0 {
		d.refuse("entries for a map that is nil")
	}
	d.shares(reflect.ValueOf(m))
	d.onEnd(func() {
		clear(m)
		maps.Copy(m, after)
	})
}

// FillPointer decodes the next value. If the message is valid, End copies it to *p.
func FillPointer[T any](d *Decoder, p *T) {
	var after *T
	Decode(d, &after)
	if (after == nil) != (p == nil) {
		d.refuse("nil instead of a value, or a value instead of nil")
	}
	d.shares(memoryOf(reflect.ValueOf(p)))
	d.onEnd(func() {
		if p != nil {
			*p = *after
		}
	})
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
