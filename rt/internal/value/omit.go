package value

import (
	"fmt"
	"math"
	"reflect"
)

// omitted reports whether omitempty or omitzero omits the field. It rejects a value
// that would be omitted although a missing field stands for another value.
func (fd *field) omitted(v reflect.Value) (bool, *fault) {
	if !fd.omitEmpty && !fd.omitZero {
		return false, nil
	}
	empty := false
	if fd.omitEmpty {
		var err error
		if empty, err = isEmpty(fd.plan, v); err != nil {
			return false, &fault{err: err}
		}
	}
	if !empty && (!fd.omitZero || !isZero(v)) {
		return false, nil
	}
	if !isExactlyZero(v) {
		return false, faultf("the value is left out by omitempty or omitzero, but is not the zero value that would come back; use nil or remove the option")
	}
	return true, nil
}

// isEmpty reports whether omitempty omits v.
func isEmpty(p *Plan, v reflect.Value) (bool, error) {
	switch p.shape {
	case shapeBinary, shapeText:
		data, err := marshal(v, p.shape)
		if err != nil {
			return false, fmt.Errorf("%s cannot be sent: %w", p.typ, err)
		}
		return len(data) == 0, nil
	case shapeBool, shapeInt, shapeUint, shapeUintptr, shapeFloat32, shapeFloat64, shapeComplex:
		return v.Equal(reflect.Zero(v.Type())), nil // -0 too
	case shapeString, shapeBytes, shapeByteArray, shapeSlice, shapeArray, shapeMap:
		return v.Len() == 0, nil
	case shapePointer, shapeError, shapeInterface:
		return v.IsNil(), nil
	}
	return false, nil
}

// isZero reports whether omitzero omits v. The IsZero method of v decides, if there is
// one.
func isZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface: // the value in the interface decides
		return v.IsNil()
	case reflect.Pointer:
		if v.IsNil() {
			return true
		}
	}
	type isZeroer interface{ IsZero() bool }
	if z, ok := v.Interface().(isZeroer); ok {
		return z.IsZero()
	}
	if z, ok := copyOf(v).(isZeroer); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

// isExactlyZero is reflect's IsZero, except that a value with a negative zero inside is
// not zero.
func isExactlyZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(v.Float()) == 0
	case reflect.Complex64, reflect.Complex128:
		c := v.Complex()
		return math.Float64bits(real(c))|math.Float64bits(imag(c)) == 0
	case reflect.Array:
		for i := range v.Len() {
			if !isExactlyZero(v.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range v.NumField() {
			if !isExactlyZero(v.Field(i)) {
				return false
			}
		}
		return true
	}
	return v.IsZero()
}

// isEmpty reports whether omitempty omits the value of the item with head h.
func (p *Plan) isEmpty(h head) bool {
	switch p.shape {
	case shapeStruct, shapeTime, shapeBigInt:
		return false
	case shapePointer:
		return h.isNull()
	}
	if h.Major == majorOther {
		return h.Info == itemFalse&31 || h.isNull() || h.isEmptyFloat()
	}
	return h.Major != majorNegative && h.Arg == 0
}
