package stub

import (
	"fmt"
	"reflect"

	"github.com/loopgen/loopgen/rt/internal/value"
)

// ErrTooLarge is in the chain of an [EncodeError] if the message would exceed its
// limit. Send less in one call.
var ErrTooLarge = value.ErrTooLarge

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
	writer value.Writer
	limit  int    // size limit of buf
	room   int    // bytes of buf before the message
	buf    []byte // the room, one byte for the array's head, then the values
	count  int
	err    error
	kept   variable
	config *value.ConfigWriter // for a constructor's arguments; otherwise nil
	sent   sentArguments       // used by EncodeArg
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
	e.forget()
	*e = Encoder{writer: e.writer, limit: room + limit, room: room, buf: buf[:room+1], kept: e.kept, sent: e.sent}
	e.writer.Reset(s.errorTable(), room, e.limit)
}

// Encode appends v to the message. If v cannot be sent without a change, Finish fails,
// and further values are ignored. Encode panics only if a method of v panics.
func Encode[T any](e *Encoder, v T) {
	if e.err != nil {
		return
	}
	if e.config == nil {
		if b, ok := value.AppendScalar(e.buf, &v); ok {
			e.appended(b, reflect.TypeFor[T]())
			return
		}
	}
	kept, _ := e.kept.pointer.(*T)
	if kept == nil {
		kept = new(T)
		e.kept.set(kept)
	}
	*kept = v
	e.value()
	if e.kept.pointer != nil {
		var zero T
		*kept = zero
	}
}

// value appends the kept variable.
func (e *Encoder) value() { e.planned(e.kept.take()) }

// append is Encode for a value that is known by reflection only.
func (e *Encoder) append(v reflect.Value) {
	if e.err == nil {
		e.planned(value.PlanOf(v.Type()), v)
	}
}

func (e *Encoder) planned(plan *value.Plan, v reflect.Value) {
	b, err := e.writer.Append(e.buf, plan, v)
	if err == nil && e.config != nil {
		err = e.config.Add(plan, v)
	}
	if err != nil {
		e.fail(err)
		return
	}
	e.appended(b, v.Type())
}

// appended makes b, the message with another value of type t, the message so far.
func (e *Encoder) appended(b []byte, t reflect.Type) {
	if len(b) > e.limit {
		e.fail(value.In(t, e.tooLarge(len(b))))
		return
	}
	e.buf = b
	e.count++
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
// room. Error does not panic, and waits for the methods of err at most a second.
func (e *Encoder) Error(err error) {
	if e.err != nil {
		return
	}
	b, fail := e.writer.AppendError(e.buf, err)
	if fail != nil {
		e.fail(fail)
		return
	}
	e.appended(b, errorType)
}

// Finish returns the message, a CBOR array of the values. The caller may use it until
// Reset. Finish returns an [*EncodeError] for the first value that cannot be sent.
// After Finish only Reset may be called.
func (e *Encoder) Finish() ([]byte, error) {
	if e.err != nil {
		return nil, e.err
	}
	e.buf = value.SetCount(e.buf, e.room, e.count)
	if len(e.buf) > e.limit {
		e.fail(e.tooLarge(len(e.buf)))
		return nil, e.err
	}
	return e.buf, nil
}

// EncodeArguments returns the message of the constructor's arguments, of at most limit
// bytes, and their configuration, by which clients find the same object. encode appends the
// arguments one by one. The errors are those of [Encoder.Finish]. It may be called
// concurrently.
func EncodeArguments(s *Service, limit int, encode func(*Encoder)) (message []byte, configuration value.Configuration, err error) {
	e := NewEncoder(s, limit)
	e.config = value.NewConfigWriter(s.errorTable(), limit)
	if encode != nil {
		encode(e)
	}
	if message, err = e.Finish(); err != nil {
		return nil, value.Configuration{}, err
	}
	return message, e.config.Finish(), nil
}
