package stub

import (
	"errors"
	"fmt"
	"maps"
)

// What a method writes into its arguments comes back behind its results and
// before its error. In the caller it is put in place by End, when the whole
// message has proved good: a call that fails leaves the arguments as they were.

// reserve is what a message needs besides the bytes of a buffer: other results
// and an error.
const reserve = 64 << 10

// maxBuffer is the length of the largest buffer that is made for a method: no
// message holds more bytes.
const maxBuffer = 16 << 20

// EncodeLen appends the length of a buffer that the method fills, in its place.
// Finish fails if the bytes could not come back in one piece.
func EncodeLen[S ~[]byte](e *Encoder, p S) {
	if most := e.limit - reserve; e.err == nil && len(p) > most {
		e.fail(fmt.Errorf("%w: a buffer of %d bytes, the limit is %d", ErrTooLarge, len(p), most))
		return
	}
	encodeLen(e, p)
}

// EncodeRoom is EncodeLen for an io.Reader, which may fill less than it is
// given: it asks for no more than can come back.
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

// DecodeLen sets *p to a buffer for the method to fill, of the length that the
// caller's has.
func DecodeLen[S ~[]byte](d *Decoder, p *S) {
	*p = nil
	var n *int
	Decode(d, &n)
	switch {
	case n == nil:
	case *n < 0 || *n > maxBuffer:
		d.refuse(fmt.Sprintf("a buffer of %d bytes", *n))
	default:
		*p = make(S, *n)
	}
}

// EncodeFilled appends the n bytes of the buffer that the method says it has
// filled.
func EncodeFilled[S ~[]byte](e *Encoder, p S, n int) {
	Encode(e, p[:min(max(n, 0), len(p))])
}

// FillBuffer takes the next value, bytes that the method has filled a buffer
// with, for the start of p.
func FillBuffer[S ~[]byte](d *Decoder, p S) {
	var filled S
	Decode(d, &filled)
	if len(filled) > len(p) {
		d.refuse("more bytes than the buffer has")
	}
	d.onEnd(func() { copy(p, filled) })
}

// FillSlice takes the next value for the elements of s.
func FillSlice[S ~[]E, E any](d *Decoder, s S) {
	var after S
	Decode(d, &after)
	if len(after) != len(s) {
		d.refuse("another number of elements than was sent")
	}
	d.onEnd(func() { copy(s, after) })
}

// FillMap takes the next value for the entries of m.
func FillMap[M ~map[K]V, K comparable, V any](d *Decoder, m M) {
	var after M
	Decode(d, &after)
	if m == nil && len(after) > 0 {
		d.refuse("entries for a map that is nil")
	}
	d.onEnd(func() {
		clear(m)
		maps.Copy(m, after)
	})
}

// FillPointer takes the next value for what p points to.
func FillPointer[T any](d *Decoder, p *T) {
	var after *T
	Decode(d, &after)
	if (after == nil) != (p == nil) {
		d.refuse("nil instead of a value, or a value instead of nil")
	}
	d.onEnd(func() {
		if p != nil {
			*p = *after
		}
	})
}

// refuse makes End fail because of the value that was decoded last.
func (d *Decoder) refuse(reason string) {
	if d.err == nil && d.next <= d.count {
		d.err = &DecodeError{d.next - 1, errors.New(reason)}
	}
}

func (d *Decoder) onEnd(fill func()) { d.fills = append(d.fills, fill) }
