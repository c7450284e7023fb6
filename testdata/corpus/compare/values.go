package main

import (
	"bytes"
	"context"
	"encoding"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"time"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	anyType     = reflect.TypeFor[any]()
	timeType    = reflect.TypeFor[time.Time]()
)

// makeable reports whether there are random arguments for a method.
func makeable(method reflect.Type) bool {
	for i := range method.NumIn() {
		if !makeableType(method.In(i), 0) {
			return false
		}
	}
	return true
}

func makeableType(t reflect.Type, depth int) bool {
	if t == contextType || t == errorType || t == anyType || t == timeType || depth > 4 {
		return true
	}
	switch t.Kind() {
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Map:
		return makeableType(t.Key(), depth+1) && makeableType(t.Elem(), depth+1)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return makeableType(t.Elem(), depth+1)
	case reflect.Struct:
		for f := range t.Fields() {
			if f.IsExported() && !makeableType(f.Type, depth+1) {
				return false
			}
		}
	}
	return true
}

// value returns a random value: small numbers, so that what they count stays
// small, short texts, and no nil pointers.
func value(random *rand.Rand, t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == contextType:
		v.Set(reflect.ValueOf(context.Background()))
		return v
	case t == errorType:
		v.Set(reflect.ValueOf(errors.New(text(random))))
		return v
	case t == anyType:
		v.Set(reflect.ValueOf([]any{random.IntN(9), text(random), true, 0.5}[random.IntN(4)]))
		return v
	case t == timeType:
		v.Set(reflect.ValueOf(time.Unix(random.Int64N(1e9), random.Int64N(1e9)).UTC()))
		return v
	case depth > 4:
		return v
	}
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(random.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(random.Int64N(12) - 2)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(random.Uint64N(100))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(random.NormFloat64())
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(random.NormFloat64(), random.NormFloat64()))
	case reflect.String:
		v.SetString(text(random))
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(value(random, t.Elem(), depth+1))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, random.IntN(5), 8))
		for i := range v.Len() {
			v.Index(i).Set(value(random, t.Elem(), depth+1))
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(value(random, t.Elem(), depth+1))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range random.IntN(4) {
			v.SetMapIndex(value(random, t.Key(), depth+1), value(random, t.Elem(), depth+1))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if t.Field(i).IsExported() {
				v.Field(i).Set(value(random, t.Field(i).Type, depth+1))
			}
		}
	}
	return v
}

func text(random *rand.Rand) string {
	return []string{"", "a", "b", "abc", "1", "42", "ä€𝄞", "x=y", "example.com", "two words"}[random.IntN(10)]
}

// equalAll compares deeply: errors by their text, times as instants, and what
// marshals itself as it says.
func equalAll(a, b []reflect.Value) bool {
	for i := range a {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

func equal(a, b reflect.Value) bool {
	if a.Kind() == reflect.Interface && (a.IsNil() || b.IsNil()) {
		return a.IsNil() && b.IsNil()
	}
	x, y := a.Interface(), b.Interface()
	if err, ok := x.(error); ok {
		other, ok := y.(error)
		return ok && err.Error() == other.Error()
	}
	if instant, ok := x.(time.Time); ok {
		return instant.Equal(y.(time.Time))
	}
	if a.Kind() != reflect.Pointer || !a.IsNil() && !b.IsNil() {
		switch m := x.(type) {
		case encoding.BinaryMarshaler:
			one, err1 := m.MarshalBinary()
			two, err2 := y.(encoding.BinaryMarshaler).MarshalBinary()
			return bytes.Equal(one, two) && (err1 == nil) == (err2 == nil)
		case encoding.TextMarshaler:
			one, err1 := m.MarshalText()
			two, err2 := y.(encoding.TextMarshaler).MarshalText()
			return bytes.Equal(one, two) && (err1 == nil) == (err2 == nil)
		}
	}
	if a.CanFloat() && math.IsNaN(a.Float()) {
		return math.IsNaN(b.Float())
	}
	return reflect.DeepEqual(x, y)
}
