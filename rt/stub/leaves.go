package stub

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"sync"

	"github.com/loopgen/loopgen/rt/internal/value"
)

var byteSizes = []int{1}

// sizesByType caches leafSizes.
var sizesByType sync.Map

// leafSizes returns the sizes of the leaves in an element of t, or in the variable that t
// points to. It returns one size if all are equal, and nil if t is not flat memory.
func leafSizes(t reflect.Type) []int {
	if sizes, ok := sizesByType.Load(t); ok {
		return sizes.([]int)
	}
	var sizes []int
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		sizes, _ = appendSizes(nil, t.Elem())
	}
	if len(sizes) > 0 && !slices.ContainsFunc(sizes, func(size int) bool { return size != sizes[0] }) {
		sizes = sizes[:1:1]
	}
	sizesByType.Store(t, sizes)
	return sizes
}

// appendSizes appends the sizes of the leaves of t. It returns nil and false if t holds
// anything else than leaves.
func appendSizes(sizes []int, t reflect.Type) (_ []int, ok bool) {
	switch t.Kind() {
	case reflect.Array:
		one, ok := appendSizes(nil, t.Elem())
		for range t.Len() {
			sizes = append(sizes, one...)
		}
		return sizes, ok
	case reflect.Struct:
		ok = true
		for i := 0; i < t.NumField() && ok; i++ {
			sizes, ok = appendSizes(sizes, t.Field(i).Type)
		}
		return sizes, ok
	case reflect.Complex64, reflect.Complex128:
		half := leafBytes(t) / 2
		return append(sizes, half, half), true
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64:
		return append(sizes, leafBytes(t)), true
	}
	return nil, false
}

// appendLeaves appends the leaves of v, in big-endian order.
func appendLeaves(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return append(b, v.Bytes()...)
		}
		for i := range v.Len() {
			b = appendLeaves(b, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			b = appendLeaves(b, v.Field(i))
		}
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendLeaf(b, uint64(v.Int()), leafBytes(v.Type()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return appendLeaf(b, v.Uint(), leafBytes(v.Type()))
	case reflect.Float32:
		return appendLeaf(b, uint64(math.Float32bits(*value.PointerTo[float32](v))), 4)
	case reflect.Float64:
		return appendLeaf(b, math.Float64bits(v.Float()), 8)
	case reflect.Complex64:
		c := *value.PointerTo[complex64](v)
		return appendLeaf(b, uint64(math.Float32bits(real(c)))<<32|uint64(math.Float32bits(imag(c))), 8)
	case reflect.Complex128:
		c := v.Complex()
		return appendLeaf(appendLeaf(b, math.Float64bits(real(c)), 8), math.Float64bits(imag(c)), 8)
	}
	return b
}

// appendLeaf appends the low bytes of bits.
func appendLeaf(b []byte, bits uint64, size int) []byte {
	var space [8]byte
	binary.BigEndian.PutUint64(space[:], bits)
	return append(b, space[8-size:]...)
}

// leafBytes returns the number of bytes of the leaves in a t that is no slice.
func leafBytes(t reflect.Type) (size int) {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() * leafBytes(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			size += leafBytes(t.Field(i).Type)
		}
		return size
	case reflect.Int, reflect.Uint, reflect.Uintptr:
		return 8 // of 4 bytes in some programs
	}
	return int(t.Size())
}

// setLeaf sets the leaf at an offset in v, unless write is false. It returns false if the
// leaf is no value of its type.
func setLeaf(v reflect.Value, at int, leaf []byte, write bool) bool {
	var bits uint64
	for _, b := range leaf {
		bits = bits<<8 | uint64(b)
	}
	signed := int64(bits) << (64 - 8*len(leaf)) >> (64 - 8*len(leaf))
	ok, set := true, func() {}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		size := leafBytes(v.Type().Elem())
		return setLeaf(v.Index(at/size), at%size, leaf, write)
	case reflect.Struct:
		for i := range v.NumField() {
			size := leafBytes(v.Field(i).Type())
			if at < size {
				return setLeaf(v.Field(i), at, leaf, write)
			}
			at -= size
		}
		return false
	case reflect.Bool:
		ok, set = bits <= 1, func() { v.SetBool(bits == 1) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		ok, set = !v.OverflowInt(signed), func() { v.SetInt(signed) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		ok, set = !v.OverflowUint(bits), func() { v.SetUint(bits) }
	case reflect.Float32:
		set = func() { *value.PointerTo[float32](v) = math.Float32frombits(uint32(bits)) }
	case reflect.Float64:
		set = func() { v.SetFloat(math.Float64frombits(bits)) }
	case reflect.Complex64:
		set = func() {
			if c, part := value.PointerTo[complex64](v), math.Float32frombits(uint32(bits)); at == 0 {
				*c = complex(part, imag(*c))
			} else {
				*c = complex(real(*c), part)
			}
		}
	case reflect.Complex128:
		set = func() {
			if c, part := v.Complex(), math.Float64frombits(bits); at == 0 {
				v.SetComplex(complex(part, imag(c)))
			} else {
				v.SetComplex(complex(real(c), part))
			}
		}
	}
	if ok && write {
		set()
	}
	return ok
}
