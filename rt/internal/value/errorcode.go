package value

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/usercode"
)

// The methods of an error are code of the program. They may panic, call runtime.Goexit
// or never return; the error is sent all the same. All methods for the errors of one
// message must return within usercode.Limit. After that, no further ones are called.

// describing returns the deadline for the methods of errors.
func (w *Writer) describing() time.Time {
	if w.until.IsZero() {
		w.until = time.Now().Add(usercode.Limit)
	}
	return w.until
}

// message returns the result of err's Error method, or a description of its failure.
func (w *Writer) message(err error) string {
	if usercode.InertError(err) {
		return err.Error()
	}
	text, fail := usercode.RunUntil(w.describing(), err.Error)
	if fail == nil {
		return text
	}
	if p, ok := fail.(*usercode.Panic); ok && p.Stack != "" {
		if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
			return "<nil>"
		}
		return fmt.Sprintf("%s: panic in its Error method: %s", cut.Name(fmt.Sprintf("%T", err)), p.Value)
	}
	return fmt.Sprintf("%s: its Error method %v", cut.Name(fmt.Sprintf("%T", err)), fail)
}

// wrapped returns the errors that err wraps, without nils. It returns none if the
// Unwrap method does not return.
func (w *Writer) wrapped(err error) []error {
	var unwrap func() []error
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		unwrap = func() []error { return []error{err.Unwrap()} }
	case interface{ Unwrap() []error }:
		unwrap = err.Unwrap
	default:
		return nil
	}
	var errs []error
	if usercode.InertError(err) {
		errs = unwrap()
	} else {
		errs, _ = usercode.RunUntil(w.describing(), unwrap)
	}
	var some []error
	for _, err := range errs {
		if err != nil {
			some = append(some, err)
		}
	}
	return some
}

// errorData returns the CBOR of v, the data of an error, and the errors in it, if it can be
// sent in room bytes.
func (w *Writer) errorData(p *Plan, v reflect.Value, room, depth int) (data []byte, children []error, ok bool) {
	// A method that outlives this function uses another writer.
	inner := &Writer{errors: w.errors, limit: min(room, w.work), work: w.work, children: new([]error)}
	encode := func() (data []byte) {
		data, _ = inner.append(nil, p, v, depth)
		return data
	}
	if !p.calls {
		data = encode()
	} else {
		inner.until = w.describing()
		var fail error
		if data, fail = usercode.RunUntil(inner.until, encode); errors.Is(fail, usercode.ErrLate) {
			return nil, nil, false // inner is still in use
		}
	}
	w.work = inner.work
	return data, *inner.children, len(data) > 0
}

// decodeData decodes data, one item and the data of an error with these errors in it, into
// v. It reports whether it succeeded: if not, v must not be used.
func (b *errorBuilder) decodeData(p *Plan, data []byte, children []error, v reflect.Value) bool {
	// A method that outlives this function uses another reader.
	r := Reader{errors: b.reader.errors, quota: b.reader.quota, children: children}
	decode := func() bool {
		rest, err := r.read(data, p, v, b.depth)
		return err == nil && len(rest) == 0
	}
	if !p.calls {
		return decode()
	}
	if b.until.IsZero() {
		b.until = time.Now().Add(usercode.Limit)
	}
	ok, fail := usercode.RunUntil(b.until, decode)
	return ok && fail == nil
}
