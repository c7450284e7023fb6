package stub

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// DecodeError is a message, or a value in it, that is not what the method's
// signature says.
type DecodeError struct {
	Index int   // the value's place in the message, from 0; -1 for the message as a whole
	Err   error // names the type, the path inside the value, and why
}

// Error names the value by its place, counted from 0.
func (e *DecodeError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("decode values: %v", e.Err)
	}
	return fmt.Sprintf("decode value %d: %v", e.Index, e.Err)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Decoder takes a message apart. It belongs to one goroutine.
type Decoder struct {
	receiver
	rest   []byte // what is not yet decoded
	count  int    // how many values the message has
	next   int    // how many were asked for
	fills  []func()
	err    error
	reader Reader // of codecs
}

// receiver is what all values of a message have in common.
type receiver struct {
	table *errorTable
	quota *TypeQuota // of the peer that the message is from; nil: it has no end
}

// NewDecoder returns a decoder of the message that an [Encoder] made. It
// returns a [*DecodeError] if body does not begin like one. A byte slice of at least
// 8 KiB may be a part of body, which must not be used again then; other values are not.
func NewDecoder(s *Service, body []byte) (*Decoder, error) {
	d := new(Decoder)
	if err := d.Reset(s, body); err != nil {
		return nil, err
	}
	return d, nil
}

// Reset makes d a decoder of another message. It returns a [*DecodeError] if body
// does not begin like one, which End then returns, too.
func (d *Decoder) Reset(s *Service, body []byte) error {
	*d = Decoder{receiver: receiver{table: s.errorTable()}}
	h, ok := readHead(body, 0)
	switch {
	case !ok || h.major != majorArray:
		d.err = &DecodeError{-1, errors.New("the message is not an array of definite length")}
	case h.arg > wire.MaxElements:
		d.err = &DecodeError{-1, fmt.Errorf("%d values are more than %d", h.arg, wire.MaxElements)}
	default:
		d.rest, d.count = body[h.end:], int(h.arg)
	}
	return d.err
}

// Limit makes the types that values name count against quota. It is called after
// Reset and before the first value is decoded.
func (d *Decoder) Limit(quota *TypeQuota) { d.quota = quota }

// Decode sets *v to the next value of the message, never merging it into what
// *v holds, or else makes End fail: what does not look like the encoding of a
// T does not pass. After a failure *v is the zero value. It panics only if a method of
// T does.
func Decode[T any](d *Decoder, v *T) {
	var zero T
	*v = zero
	if !d.more() {
		return
	}
	if end := decodeScalar(d.rest, v); end > 0 {
		d.rest = d.rest[end:]
		return
	}
	fresh := new(T) // only here, so that scalars stay on the stack
	if d.value(reflect.TypeFor[T](), fresh) {
		*v = *fresh
	}
}

// more reports whether there is a next value, and counts it.
func (d *Decoder) more() bool {
	if d.err != nil {
		return false
	}
	d.next++
	return d.next <= d.count
}

// value decodes the next value into v, which points to a zero value of t.
func (d *Decoder) value(t reflect.Type, v any) bool {
	rest, err := d.receiver.decode(planOf(t), d.rest, v, 0)
	if err != nil {
		d.err = &DecodeError{d.next - 1, err}
		return false
	}
	d.rest = rest
	return true
}

// Error returns the next value, which is a method's last result: nil, or the
// method's own error, rebuilt as faithfully as this process can; a type whose
// methods panic or do not return comes back as a *rt.RemoteError. It returns
// nil, and makes End fail, if the value is not an error.
func (d *Decoder) Error() error {
	if !d.more() {
		return nil
	}
	err, rest, fail := d.receiver.decodeError(d.rest, 0)
	if fail != nil {
		d.err = &DecodeError{d.next - 1, fmt.Errorf("error: %w", fail)}
		return nil
	}
	d.rest = rest
	return err
}

// End returns nil if the message was taken apart without a failure and nothing
// is left of it, else a [*DecodeError]. In the former case it fills what is to
// be filled with values of the message.
func (d *Decoder) End() error {
	switch {
	case d.err != nil:
		return d.err
	case d.next != d.count:
		return &DecodeError{-1, fmt.Errorf("the message has %d values, want %d", d.count, d.next)}
	case len(d.rest) > 0:
		return &DecodeError{-1, fmt.Errorf("%d bytes follow the last value", len(d.rest))}
	}
	for _, fill := range d.fills {
		fill()
	}
	d.fills = nil
	return nil
}

// decode decodes the first item of data, nested in depth arrays and maps, into
// v, a pointer to a zero value of p's type, and returns what follows the item.
func (r receiver) decode(p *plan, data []byte, v any, depth int) (rest []byte, err error) {
	if p.root != nil {
		return nil, p.root.in(p.typ)
	}
	end, f := p.match(data, 0, depth, r.quota)
	if f != nil {
		return nil, f.in(p.typ)
	}
	if p.own {
		o := openReader{receiver: r, b: data}
		if _, f := o.value(p, reflect.ValueOf(v).Elem(), 0, depth); f != nil {
			return nil, f.in(p.typ)
		}
		return data[end:], nil
	}
	if err := decodeClosed(p, data[:end], v); err != nil {
		return nil, err
	}
	return data[end:], nil
}

// decodeClosed decodes data, which matches p.
func decodeClosed(p *plan, data []byte, v any) error {
	if err := wire.Unmarshal(data, v); err != nil {
		return err
	}
	if p.times {
		settleTimes(p, reflect.ValueOf(v).Elem())
	}
	return nil
}
