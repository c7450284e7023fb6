package stub

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/loopgen/loopgen/rt/internal/cut"
	"github.com/loopgen/loopgen/rt/internal/usercode"
)

// The methods of an error are code of the program. They may panic, call
// runtime.Goexit or never return, and the error is sent all the same. All of
// those that a message's errors need must return within usercode.Limit; later
// ones are not called.

// describing returns the moment until which the methods of errors may run.
func (s *sender) describing() time.Time {
	if s.until.IsZero() {
		s.until = time.Now().Add(usercode.Limit)
	}
	return s.until
}

// message returns what err's Error method returns, or what it did instead.
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

// wrapped returns what err wraps, without nils, or nothing where its Unwrap
// method does not return.
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

// errorData returns the CBOR of v, a part of an error, if it can be sent in room
// bytes.
func (s *sender) errorData(p *plan, v reflect.Value, room, depth int) (data []byte, ok bool) {
	if p.plain {
		return s.item(p, v, room, depth)
	}
	s.describing()
	// The copy is for a method that returns after this function has.
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

// decodeData decodes data, one item and a part of an error, into what v points to.
// It reports whether it has: if not, v must not be used.
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
