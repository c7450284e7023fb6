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

// ErrTooLarge is in the chain of an [EncodeError] if the message would exceed its
// limit. Send less in one call.
var ErrTooLarge = errors.New("more than can be sent at once")

// EncodeError reports a value that cannot be sent. No part of its message may be sent.
type EncodeError struct {
	Index int   // position of the value in the message, from 0
	Err   error // names the type, the path inside the value, and the reason
}

// Error names the position of the value, from 0, and the reason.
func (e *EncodeError) Error() string { return fmt.Sprintf("encode value %d: %v", e.Index, e.Err) }

// Unwrap returns Err.
func (e *EncodeError) Unwrap() error { return e.Err }

// Encoder makes a message of values: the arguments of a call or its results. Only one
// goroutine may use it at a time.
type Encoder struct {
	sender sender
	limit  int    // size limit of buf
	room   int    // bytes of buf before the message
	buf    []byte // the room, one byte for the array's head, then the values
	count  int
	err    error
	writer Writer        // used by codecs
	config *configWriter // for a constructor's arguments; otherwise nil
}

// sender has the state common to all values of a message.
type sender struct {
	table *errorTable
	// work is the number of bytes that may still be inspected. It only decreases, so
	// nested errors terminate.
	work int
	// until is the time by which the methods of the message's errors must have
	// returned. It is zero while none has been called.
	until time.Time
}

// NewEncoder returns an encoder of a message of at most limit bytes. The errors of s
// keep their identity in the receiver; s may be nil.
func NewEncoder(s *Service, limit int) *Encoder {
	e := new(Encoder)
	e.Reset(s, limit, 0)
	return e
}

// Reset prepares e for another message of at most limit bytes, and reuses the memory of
// the last message. The result of Finish then has room bytes of undefined content
// before the message.
func (e *Encoder) Reset(s *Service, limit, room int) {
	buf := e.buf
	if cap(buf) <= room {
		buf = make([]byte, room+64)
	}
	*e = Encoder{sender: sender{table: s.errorTable(), work: limit}, limit: room + limit, room: room, buf: buf[:room+1], writer: e.writer}
}

// Encode appends v to the message. If v cannot be sent without a change, Finish fails,
// and further values are ignored. Encode panics only if a method of v panics.
func Encode[T any](e *Encoder, v T) {
	if e.err != nil {
		return
	}
	if b, ok := appendScalar(e.buf, &v); ok {
		e.buf = b
		e.added(reflect.TypeFor[T]())
		return
	}
	moved := v // allocated only here, so that scalars stay on the stack
	e.value(reflect.ValueOf(&moved))
}

// value appends the value to which v points.
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

// encode checks the value to which v points, nested in depth arrays and maps, and
// appends it to buf. room limits the effort and, roughly, the size.
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
	e.buf = nil // let the collector free a value near the limit
}

// Error appends the error that is a method's last result: null for nil, otherwise a
// form from which [Decoder.Error] rebuilds it. Finish fails for it only for want of
// room. Error does not panic, and waits for the methods of err at most a second: see
// errorcode.go.
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

// Finish returns the message, a CBOR array of the values. The caller may use it until
// Reset. Finish returns an [*EncodeError] for the first value that cannot be sent.
// After Finish only Reset may be called.
func (e *Encoder) Finish() ([]byte, error) {
	if e.err != nil {
		return nil, e.err
	}
	if e.count <= maxShort { // usual case: the head is the one byte that was reserved
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
