package stub

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// ErrTooLarge is in the chain of an [EncodeError] when the message would
// exceed its limit. Send less at once.
var ErrTooLarge = errors.New("more than can be sent at once")

// EncodeError is a value that cannot be sent. Nothing of the message it was to
// be part of may be sent either.
type EncodeError struct {
	Index int   // the value's place in the message, from 0
	Err   error // names the type, the path inside the value, and why
}

// Error names the value by its place, counted from 0.
func (e *EncodeError) Error() string { return fmt.Sprintf("encode value %d: %v", e.Index, e.Err) }

// Unwrap returns Err.
func (e *EncodeError) Unwrap() error { return e.Err }

// Encoder makes a message of values: the arguments of a call or its results.
// It belongs to one goroutine.
type Encoder struct {
	sender sender
	limit  int    // of buf
	room   int    // bytes of buf in front of the message
	buf    []byte // the room, one byte for the array's head, then the values
	count  int
	err    error
	writer Writer        // of codecs
	config *configWriter // of a constructor's arguments; nil: these are others
}

// sender is what all values of a message have in common.
type sender struct {
	table *errorTable
	// work is how many bytes may still be looked at. It is never given back,
	// so that errors which hold values which hold errors come to an end.
	work int
	// until is when the methods of the message's errors must have returned;
	// zero: none has been called.
	until time.Time
}

// NewEncoder returns an encoder of a message of at most limit bytes. The
// errors of s are encoded so that the other side finds them again; s may be nil.
func NewEncoder(s *Service, limit int) *Encoder {
	e := new(Encoder)
	e.Reset(s, limit, 0)
	return e
}

// Reset makes e an encoder of another message of at most limit bytes, which
// uses the memory of the last one. What Finish returns has room bytes in front of
// the message, whose values are not defined.
func (e *Encoder) Reset(s *Service, limit, room int) {
	buf := e.buf
	if cap(buf) <= room {
		buf = make([]byte, room+64)
	}
	*e = Encoder{sender: sender{table: s.errorTable(), work: limit}, limit: room + limit, room: room, buf: buf[:room+1], writer: e.writer}
}

// Encode appends v to the message, or else makes Finish fail: it is sent such
// that it comes back as it was, or not at all. After a failure, further values
// are ignored. It panics only if a method of v does.
func Encode[T any](e *Encoder, v T) {
	if e.err != nil {
		return
	}
	if b, ok := appendScalar(e.buf, &v); ok {
		e.buf = b
		e.added(reflect.TypeFor[T]())
		return
	}
	moved := v // only here, so that scalars stay on the stack
	e.value(reflect.ValueOf(&moved))
}

// value appends what v points to.
func (e *Encoder) value(v reflect.Value) {
	p := planOf(v.Type().Elem())
	buf := bytes.NewBuffer(e.buf)
	if err := e.sender.encode(buf, p, v, e.limit-len(e.buf), 0); err != nil {
		e.fail(err)
		return
	}
	e.buf = buf.Bytes()
	e.added(p.typ)
}

// encode checks what v points to, nested in depth arrays and maps, and appends
// it to buf. room bounds the effort, and roughly the size.
func (s *sender) encode(buf *bytes.Buffer, p *plan, v reflect.Value, room, depth int) error {
	if p.root != nil {
		return p.root.in(p.typ)
	}
	if !p.plain {
		c := checker{sender: s, room: room, limit: buf.Len() + room}
		if f := c.value(p, v.Elem(), depth); f != nil {
			return f.in(p.typ)
		}
	}
	if p.open {
		w := openWriter{sender: s, buf: buf, limit: buf.Len() + room}
		if f := w.value(p, v.Elem(), depth); f != nil {
			return f.in(p.typ)
		}
		return nil
	}
	if err := wire.MarshalTo(buf, v.Interface()); err != nil {
		return (&fault{err: err}).in(p.typ)
	}
	return nil
}

// added counts a value of type t that was appended.
func (e *Encoder) added(t reflect.Type) {
	if len(e.buf) > e.limit {
		e.fail((&fault{err: e.tooLarge(len(e.buf))}).in(t))
		return
	}
	e.count++
	if e.config != nil {
		if f := e.config.add(t, e.buf); f != nil {
			e.fail(f.in(t))
		}
	}
}

func (e *Encoder) tooLarge(size int) error {
	return fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, size-e.room, e.limit-e.room)
}

func (e *Encoder) fail(err error) {
	e.err = &EncodeError{Index: e.count, Err: err}
	e.buf = nil // a value near the limit need not wait for the collector
}

// Error appends the error that is a method's last result: null for nil, else
// what the receiver's [Decoder.Error] makes of it. Whatever err is, it does
// not fail but for want of room, and neither panics nor takes longer than a
// second for what err's methods do: see errorcode.go.
func (e *Encoder) Error(err error) {
	if e.err != nil {
		return
	}
	if err == nil {
		e.buf = append(e.buf, itemNull)
		e.added(errorType)
		return
	}
	item, fail := e.sender.encodeError(err, e.limit-len(e.buf), 0)
	if fail != nil {
		e.fail(fail)
		return
	}
	e.buf = append(e.buf, item...)
	e.added(errorType)
}

// Finish returns the message: a CBOR array of the values, which belongs to the
// caller until Reset. It returns an [*EncodeError] for the first value that cannot
// be sent. The encoder is of no use until Reset.
func (e *Encoder) Finish() ([]byte, error) {
	if e.err != nil {
		return nil, e.err
	}
	if e.count <= maxShort { // nearly always: the head is the one byte that was kept free for it
		e.buf[e.room] = majorArray<<5 | byte(e.count)
		return e.buf, nil
	}
	e.buf = slices.Replace(e.buf, e.room, e.room+1, appendHead(nil, majorArray, uint64(e.count))...)
	if len(e.buf) > e.limit {
		e.fail(e.tooLarge(len(e.buf)))
		return nil, e.err
	}
	return e.buf, nil
}
