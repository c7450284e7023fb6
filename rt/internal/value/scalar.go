package value

import (
	"bytes"
	"math"
	"time"
	"unicode/utf8"
)

// AppendScalar appends the value to which v points, if it has one of the commonest types of
// arguments and results, and reports whether it did. It leaves other types, and text that
// is not UTF-8, to a [Writer], and does not retain v, so that v stays on the stack. It may
// be called concurrently.
func AppendScalar(b []byte, v any) ([]byte, bool) {
	var n int64
	switch v := v.(type) {
	case *bool:
		return appendBool(b, *v), true
	case *int:
		n = int64(*v)
	case *int8:
		n = int64(*v)
	case *int16:
		n = int64(*v)
	case *int32:
		n = int64(*v)
	case *int64:
		n = *v
	case *time.Duration:
		n = int64(*v)
	case *uint:
		return appendHead(b, majorUint, uint64(*v)), true
	case *uint8:
		n = int64(*v)
	case *uint16:
		n = int64(*v)
	case *uint32:
		n = int64(*v)
	case *uint64:
		return appendHead(b, majorUint, *v), true
	case *float32:
		return appendFloat32(b, math.Float32bits(*v)), true
	case *float64:
		return appendFloat64(b, *v), true
	case *string:
		if !utf8.ValidString(*v) {
			return b, false
		}
		return append(appendHead(b, majorText, uint64(len(*v))), *v...), true
	case *[]byte:
		return appendBytes(b, *v), true
	default:
		return b, false
	}
	return appendInt(b, n), true
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, itemTrue)
	}
	return append(b, itemFalse)
}

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return append(b, itemNull)
	}
	return append(appendHead(b, majorBytes, uint64(len(v))), v...)
}

// ReadScalar decodes the first item of b into the value to which v points, and returns the
// end of the item. It returns 0 and leaves v unchanged if it does not handle the type, or if
// the item is not a value of the type: a [Reader] then reports the error. A byte slice may
// share the memory of b: see Shares. ReadScalar may be called concurrently.
func ReadScalar(b []byte, v any) (end int) {
	h, ok := readHead(b, 0)
	if !ok {
		return 0
	}
	switch v := v.(type) {
	case *bool:
		if ok = h.isBool(); ok {
			*v = b[0] == itemTrue
		}
	case *int:
		ok = decodeInt(h, v)
	case *int8:
		ok = decodeInt(h, v)
	case *int16:
		ok = decodeInt(h, v)
	case *int32:
		ok = decodeInt(h, v)
	case *int64:
		ok = decodeInt(h, v)
	case *time.Duration:
		ok = decodeInt(h, v)
	case *uint:
		ok = decodeUint(h, v)
	case *uint8:
		ok = decodeUint(h, v)
	case *uint16:
		ok = decodeUint(h, v)
	case *uint32:
		ok = decodeUint(h, v)
	case *uint64:
		ok = decodeUint(h, v)
	case *float32:
		if ok = h.isFloat(4); ok {
			*v = h.float32()
		}
	case *float64:
		if ok = h.isFloat(8); ok {
			*v = h.float64()
		}
	case *string:
		return decodeString(b, h, v)
	case *[]byte:
		return decodeBytes(b, h, v)
	default:
		return 0
	}
	if !ok {
		return 0
	}
	return h.End
}

func (h head) isBool() bool { return h.Major == majorOther && (h.Info == 20 || h.Info == 21) }

// integer returns the integer with head h, if there is one of 64 bits.
func (h head) integer() (n int64, ok bool) {
	n = int64(h.Arg)
	if h.Major == majorNegative {
		n = ^n
	}
	return n, h.Major <= majorNegative && h.Arg <= math.MaxInt64
}

func decodeInt[T int | int8 | int16 | int32 | int64 | time.Duration](h head, v *T) bool {
	n, ok := h.integer()
	if !ok || int64(T(n)) != n {
		return false
	}
	*v = T(n)
	return true
}

func decodeUint[T uint | uint8 | uint16 | uint32 | uint64](h head, v *T) bool {
	if h.Major != majorUint || uint64(T(h.Arg)) != h.Arg {
		return false
	}
	*v = T(h.Arg)
	return true
}

func decodeString(b []byte, h head, v *string) (end int) {
	end, f := skipString(b, h)
	if f != nil || h.Major != majorText || !utf8.Valid(b[h.End:end]) {
		return 0
	}
	*v = string(b[h.End:end])
	return end
}

func decodeBytes(b []byte, h head, v *[]byte) (end int) {
	if h.isNull() {
		*v = nil
		return h.End
	}
	end, f := skipString(b, h)
	if f != nil || h.Major != majorBytes {
		return 0
	}
	if *v = b[h.End:end:end]; !Shares(len(*v), len(b)) {
		*v = bytes.Clone(*v)
	}
	return end
}

// Shares reports whether a byte string of n bytes, decoded as a []byte of its own, shares
// the memory of its message. left is the number of bytes of the message from the start of
// the string. A short string is copied, since the memory of short messages is reused. So is
// a small part of a message, since the string keeps the message from being collected.
func Shares(n, left int) bool { return n >= 8<<10 && n >= left/2 }
