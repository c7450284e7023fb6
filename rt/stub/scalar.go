package stub

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// appendScalar appends the value to which v points, if it has one of the most common
// types of arguments and results, and reports whether it did. The result is that of the
// CBOR library. appendScalar leaves rare values, and values that cannot be sent, to the
// checker and the library.
func appendScalar(b []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case *bool:
		if *v {
			return append(b, itemTrue), true
		}
		return append(b, itemFalse), true
	case *int:
		return appendInt(b, int64(*v)), true
	case *int8:
		return appendInt(b, int64(*v)), true
	case *int16:
		return appendInt(b, int64(*v)), true
	case *int32:
		return appendInt(b, int64(*v)), true
	case *int64:
		return appendInt(b, *v), true
	case *time.Duration:
		return appendInt(b, int64(*v)), true
	case *uint:
		return appendHead(b, majorUint, uint64(*v)), true
	case *uint8:
		return appendHead(b, majorUint, uint64(*v)), true
	case *uint16:
		return appendHead(b, majorUint, uint64(*v)), true
	case *uint32:
		return appendHead(b, majorUint, uint64(*v)), true
	case *uint64:
		return appendHead(b, majorUint, *v), true
	case *float32:
		return appendFloat(b, float64(*v))
	case *float64:
		return appendFloat(b, *v)
	case *string:
		if !utf8.ValidString(*v) {
			return b, false
		}
		return append(appendHead(b, majorText, uint64(len(*v))), *v...), true
	case *[]byte:
		if *v == nil {
			return append(b, itemNull), true
		}
		return append(appendHead(b, majorBytes, uint64(len(*v))), *v...), true
	}
	return appendNamed(b, reflect.ValueOf(v).Elem())
}

// appendFloat appends the shortest float that is exactly f. It does not append a NaN,
// which has a payload, and returns false.
func appendFloat(b []byte, f float64) ([]byte, bool) {
	single := float32(f)
	switch {
	case f != f:
		return b, false
	case float64(single) != f:
		return binary.BigEndian.AppendUint64(append(b, majorOther<<5|27), math.Float64bits(f)), true
	}
	if half, ok := halfBits(single); ok {
		return binary.BigEndian.AppendUint16(append(b, majorOther<<5|25), half), true
	}
	return binary.BigEndian.AppendUint32(append(b, majorOther<<5|26), math.Float32bits(single)), true
}

// halfBits returns the float of 2 bytes (1 bit of sign, 5 of exponent, 10 of fraction)
// that is exactly f, if there is one.
func halfBits(f float32) (half uint16, ok bool) {
	bits := math.Float32bits(f)
	sign := uint16(bits>>16) & 0x8000
	exponent := int(bits>>23&0xff) - 127
	fraction := bits & 0x7fffff
	switch {
	case exponent == -127 && fraction == 0: // zero
		return sign, true
	case exponent == 128 && fraction == 0: // infinity
		return sign | 0x7c00, true
	case exponent >= -14 && exponent <= 15 && fraction&0x1fff == 0:
		return sign | uint16(exponent+15)<<10 | uint16(fraction>>13), true
	case exponent >= -24 && exponent < -14: // subnormal: leading zeros in the fraction
		fraction |= 0x800000
		shift := -1 - exponent
		if fraction&(1<<shift-1) == 0 {
			return sign | uint16(fraction>>shift), true
		}
	}
	return 0, false
}

// float returns the float with head h. It returns false for another item and for NaN.
func (h head) float() (float64, bool) {
	var f float64
	switch {
	case h.major != majorOther:
		return 0, false
	case h.info == 25:
		f = halfFloat(uint16(h.arg))
	case h.info == 26:
		f = float64(math.Float32frombits(uint32(h.arg)))
	case h.info == 27:
		f = math.Float64frombits(h.arg)
	default:
		return 0, false
	}
	return f, f == f
}

// float64 returns the float with head h. A NaN keeps its bits, which a conversion
// between floats of 4 and 8 bytes would change.
func (h head) float64() (float64, bool) {
	f, ok := h.float()
	if !ok && h.isNaN() {
		switch h.info {
		case 25:
			return math.Float64frombits(h.arg&0x8000<<48 | 0x7ff<<52 | h.arg&0x3ff<<42), true
		case 26:
			return math.Float64frombits(h.arg&(1<<31)<<32 | 0x7ff<<52 | h.arg&0x7fffff<<29), true
		}
		return math.Float64frombits(h.arg), true
	}
	return f, ok
}

// float32 is float64 for a float of at most 4 bytes.
func (h head) float32() (float32, bool) {
	f, ok := h.float()
	switch {
	case h.info == 27:
		return 0, false
	case ok:
		return float32(f), true
	case !h.isNaN():
		return 0, false
	case h.info == 25:
		return math.Float32frombits(uint32(h.arg&0x8000<<16 | 0xff<<23 | h.arg&0x3ff<<13)), true
	}
	return math.Float32frombits(uint32(h.arg)), true
}

// isNaN reports whether the item with head h is a float that is not a number.
func (h head) isNaN() bool {
	if h.major != majorOther {
		return false
	}
	switch h.info {
	case 25:
		return h.arg&0x7fff > 0x7c00
	case 26:
		return h.arg&0x7fffffff > 0x7f800000
	case 27:
		return h.arg&(1<<63-1) > 0x7ff<<52
	}
	return false
}

// halfFloat returns the value of a float of 2 bytes.
func halfFloat(half uint16) float64 {
	exponent, fraction := uint64(half>>10&0x1f), uint64(half&0x3ff)
	var f float64
	switch exponent {
	case 0:
		f = float64(fraction) * 0x1p-24
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		f = math.Inf(1)
	default:
		f = math.Float64frombits((exponent-15+1023)<<52 | fraction<<42)
	}
	if half&0x8000 != 0 {
		return math.Copysign(f, -1)
	}
	return f
}

// decodeScalar decodes the first item of b into the value to which v points, and
// returns the end of the item. It returns 0 and leaves v unchanged if it does not
// handle the type, or if the item is not an ordinary value of the type: match then
// reports the error.
func decodeScalar(b []byte, v any) (end int) {
	h, ok := readHead(b, 0)
	if !ok {
		return 0
	}
	switch v := v.(type) {
	case *bool:
		ok = h.major == majorOther && (b[0] == itemTrue || b[0] == itemFalse)
		if ok {
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
		*v, ok = h.float32()
	case *float64:
		*v, ok = h.float64()
	case *string, *[]byte:
		return decodeString(b, h, v)
	default:
		return decodeNamed(b, h, reflect.ValueOf(v).Elem())
	}
	if !ok {
		return 0
	}
	return h.end
}

func decodeInt[T int | int8 | int16 | int32 | int64 | time.Duration](h head, v *T) bool {
	if h.major > majorNegative || h.arg > math.MaxInt64 {
		return false
	}
	n := int64(h.arg)
	if h.major == majorNegative {
		n = ^n
	}
	if int64(T(n)) != n {
		return false
	}
	*v = T(n)
	return true
}

func decodeUint[T uint | uint8 | uint16 | uint32 | uint64](h head, v *T) bool {
	if h.major != majorUint || uint64(T(h.arg)) != h.arg {
		return false
	}
	*v = T(h.arg)
	return true
}

// minShared is the minimum length in bytes of a byte string that shares the memory of
// its message instead of being copied. The memory of shorter messages is reused. The
// byte string must also be at least half of the message, since it keeps the message
// from being collected.
const minShared = 8 << 10

// sharesMessage reports whether a byte string of n bytes shares the memory of its
// message. left is the number of bytes of the message from the start of the string.
func sharesMessage(n, left int) bool { return n >= minShared && n >= left/2 }

func decodeString(b []byte, h head, v any) (end int) {
	end, f := skipString(b, h)
	if f != nil {
		return 0
	}
	switch v := v.(type) {
	case *string:
		if h.major != majorText || !utf8.Valid(b[h.end:end]) {
			return 0
		}
		*v = string(b[h.end:end])
	case *[]byte:
		if h.major != majorBytes {
			return 0
		}
		if *v = b[h.end:end:end]; !sharesMessage(len(*v), len(b)) {
			*v = bytes.Clone(*v)
		}
	}
	return end
}
