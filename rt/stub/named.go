package stub

import (
	"reflect"
	"sync"
	"unicode/utf8"
)

// namedScalars caches isNamedScalar.
var namedScalars sync.Map

// isNamedScalar reports whether values of t have the encoding of t's underlying basic
// type or []byte. A type that makes its own encoding does not.
func isNamedScalar(t reflect.Type) bool {
	if is, ok := namedScalars.Load(t); ok {
		return is.(bool)
	}
	is := false
	switch planOf(t).shape {
	case shapeBool, shapeInt, shapeUint, shapeFloat32, shapeFloat64, shapeString:
		is = true
	case shapeBytes:
		is = t.Elem() == reflect.TypeFor[byte]()
	}
	namedScalars.Store(t, is)
	return is
}

// appendNamed is appendScalar for defined types with such an underlying type. It does
// not retain v, so that v stays on the stack.
func appendNamed(b []byte, v reflect.Value) ([]byte, bool) {
	if !isNamedScalar(v.Type()) {
		return b, false
	}
	switch v.Kind() {
	case reflect.Bool:
		x := v.Bool()
		return appendScalar(b, &x)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return appendHead(b, majorUint, v.Uint()), true
	case reflect.Float32, reflect.Float64:
		return appendFloat(b, v.Float())
	case reflect.String:
		x := v.String()
		return appendScalar(b, &x)
	}
	x := v.Bytes()
	return appendScalar(b, &x)
}

// decodeNamed is decodeScalar for defined types with such an underlying type.
func decodeNamed(b []byte, h head, v reflect.Value) (end int) {
	if !isNamedScalar(v.Type()) {
		return 0
	}
	switch v.Kind() {
	case reflect.Bool:
		if h.major != majorOther || b[0] != itemTrue && b[0] != itemFalse {
			return 0
		}
		v.SetBool(b[0] == itemTrue)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var n int64
		if !decodeInt(h, &n) || v.OverflowInt(n) {
			return 0
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if h.major != majorUint || v.OverflowUint(h.arg) {
			return 0
		}
		v.SetUint(h.arg)
	case reflect.Float32, reflect.Float64:
		f, ok := h.float()
		if !ok || v.Kind() == reflect.Float32 && h.info == 27 {
			return 0 // openReader sets a NaN
		}
		v.SetFloat(f)
	case reflect.String:
		end, f := skipString(b, h)
		if f != nil || h.major != majorText || !utf8.Valid(b[h.end:end]) {
			return 0
		}
		v.SetString(string(b[h.end:end]))
		return end
	default:
		end, f := skipString(b, h)
		if f != nil || h.major != majorBytes {
			return 0
		}
		v.SetBytes(append(make([]byte, 0, h.arg), b[h.end:end]...))
		return end
	}
	return h.end
}
