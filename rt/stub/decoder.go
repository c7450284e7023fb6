package stub

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// DecodeError reports that a message, or a value in it, does not match the method's
// signature.
type DecodeError struct {
	Index int   // position of the value in the message, from 0; -1 for the message as a whole
	Err   error // names the type, the path inside the value, and the reason
}

// Error names the position of the value, from 0, and the reason.
func (e *DecodeError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("decode values: %v", e.Err)
	}
	return fmt.Sprintf("decode value %d: %v", e.Index, e.Err)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Decoder decodes the values of a message. Only one goroutine may use it at a time.
type Decoder struct {
	receiver
	rest   []byte // the bytes not yet decoded
	count  int    // number of values in the message
	next   int    // number of values requested so far
	fills  []func()
	err    error
	reader Reader // used by codecs
}

// receiver has the state common to all values of a message.
type receiver struct {
	table *errorTable
	quota *TypeQuota // quota of the peer that sent the message; nil means no limit
}

// NewDecoder returns a decoder of a message that an [Encoder] made. It returns a
// [*DecodeError] if body does not begin like a message. A decoded byte slice of at
// least 8 KiB may share the memory of body; then the caller must not use body again.
// Other values are copies.
func NewDecoder(s *Service, body []byte) (*Decoder, error) {
	d := new(Decoder)
	if err := d.Reset(s, body); err != nil {
		return nil, err
	}
	return d, nil
}

// Reset prepares d for another message. It returns a [*DecodeError] if body does not
// begin like a message. End then returns that error, too.
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

// Limit counts the types that the message's values name against quota. Call it after
// Reset and before the first value is decoded.
func (d *Decoder) Limit(quota *TypeQuota) { d.quota = quota }

// Decode sets *v to the next value of the message. It does not merge the value into the
// previous *v. If the next value is not an encoding of a T, End fails and *v is the
// zero value. Decode panics only if a method of T panics.
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
	fresh := new(T) // allocated only here, so that scalars stay on the stack
	if d.value(reflect.TypeFor[T](), fresh) {
		*v = *fresh
	}
}

// more reports whether the message has a next value, and counts that value.
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

// Error returns the next value, which is a method's last result: nil, or the method's
// own error as far as this process can rebuild it. An error whose methods panic or do
// not return becomes a *rt.RemoteError. If the value is not an error, Error returns nil
// and End fails.
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

// End returns nil if all values were decoded without error and the message has no
// others. It then copies back the values of FillBuffer, FillSlice, FillMap and
// FillPointer. Otherwise it returns a [*DecodeError] and copies nothing.
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

// decode decodes the first item of data, nested in depth arrays and maps, into v, a
// pointer to a zero value of p's type. It returns the bytes after the item.
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
