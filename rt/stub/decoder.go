package stub

import (
	"fmt"
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/value"
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
	reader value.Reader
	rest   []byte // the bytes not yet decoded
	count  int    // number of values in the message
	next   int    // number of values requested so far
	fills  []func()
	back   *copiedBack // of arguments that come back; nil: there are none
	watch  *watch      // of LOOPGEN_CHECK; nil: it is not set
	err    error
	kept   variable
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
	*d = Decoder{reader: value.NewReader(s.errorTable(), nil), kept: d.kept}
	count, rest, err := value.Count(body)
	if err != nil {
		d.err = &DecodeError{-1, err}
	}
	d.count, d.rest = count, rest
	return d.err
}

// Limit counts the types that the message's values name against quota. Call it after
// Reset and before the first value is decoded.
func (d *Decoder) Limit(quota *value.TypeQuota) { d.reader.Limit(quota) }

// Decode sets *v to the next value of the message. It does not merge the value into the
// previous *v. If the next value is not an encoding of a T, End fails and *v is the
// zero value. Decode panics only if a method of T panics.
func Decode[T any](d *Decoder, v *T) {
	var zero T
	*v = zero
	if !d.more() {
		return
	}
	if end := value.ReadScalar(d.rest, v); end > 0 {
		d.rest = d.rest[end:]
		return
	}
	kept, _ := d.kept.pointer.(*T)
	if kept == nil {
		kept = new(T)
		d.kept.set(kept)
	}
	if d.value() {
		*v = *kept
	}
	if d.kept.pointer != nil {
		*kept = zero
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

// value decodes the next value into the kept variable, which is zero.
func (d *Decoder) value() bool { return d.planned(d.kept.take()) }

// decode is Decode for a value that is known by reflection only. v is zero.
func (d *Decoder) decode(v reflect.Value) {
	if d.more() {
		d.planned(value.PlanOf(v.Type()), v)
	}
}

func (d *Decoder) planned(plan *value.Plan, v reflect.Value) bool {
	rest, err := d.reader.Read(d.rest, plan, v)
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
	err, rest, fail := d.reader.ReadError(d.rest)
	if fail != nil {
		d.err = &DecodeError{d.next - 1, fmt.Errorf("error: %w", fail)}
		return nil
	}
	d.rest = rest
	return err
}

// End returns nil if all values were decoded without error and the message has no
// others. It then copies back the arguments that the method has changed. Otherwise it
// copies nothing, and returns a [*DecodeError] or, if arguments share memory that the
// method has changed, ErrOverlap.
func (d *Decoder) End() error {
	switch {
	case d.err != nil:
		return d.err
	case d.next != d.count:
		return &DecodeError{-1, fmt.Errorf("the message has %d values, want %d", d.count, d.next)}
	case len(d.rest) > 0:
		return &DecodeError{-1, fmt.Errorf("%d bytes follow the last value", len(d.rest))}
	}
	if d.back != nil && len(d.back.extents) > 0 {
		defer d.release()
		if d.back.overlaps() {
			return ErrOverlap
		}
	}
	for _, fill := range d.fills {
		fill()
	}
	d.fills = nil
	return nil
}
