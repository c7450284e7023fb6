package stub

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
func (s *sender) describing() time.Time {
	if s.until.IsZero() {
		s.until = time.Now().Add(usercode.Limit)
	}
	return s.until
}

// message returns the result of err's Error method, or a description of its failure.
func (s *sender) message(err error) string {
	if usercode.InertError(err) {
		return err.Error()
	}
	text, fail := usercode.RunUntil(s.describing(), err.Error)
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
func (s *sender) wrapped(err error) []error {
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
		errs, _ = usercode.RunUntil(s.describing(), unwrap)
	}
	var some []error
	for _, err := range errs {
		if err != nil {
			some = append(some, err)
		}
	}
	return some
}

// errorData returns the CBOR of v, a part of an error, if it can be sent in room bytes.
func (s *sender) errorData(p *plan, v reflect.Value, room, depth int) (data []byte, ok bool) {
	if p.plain {
		return s.item(p, v, room, depth)
	}
	s.describing()
	// A method that outlives this function uses the copy.
	copied := *s
	type result struct {
		data []byte
		ok   bool
	}
	r, fail := usercode.RunUntil(s.until, func() (r result) {
		r.data, r.ok = copied.item(p, v, room, depth)
		return r
	})
	if !errors.Is(fail, usercode.ErrLate) { // the copy is no longer in use
		s.work = copied.work
	}
	return r.data, r.ok
}

// decodeData decodes data, one item and a part of an error, into the value to which v
// points. It reports whether it succeeded: if not, v must not be used.
func (b *errorBuilder) decodeData(p *plan, data []byte, v any) bool {
	decode := func() bool {
		rest, err := b.receiver.decode(p, data, v, b.depth)
		return err == nil && len(rest) == 0
	}
	if p.plain {
		return decode()
	}
	if b.until.IsZero() {
		b.until = time.Now().Add(usercode.Limit)
	}
	ok, fail := usercode.RunUntil(b.until, decode)
	return ok && fail == nil
}
