package value_test

import (
	"encoding/binary"
	"math"
	"reflect"
)

// choices makes values of bytes, so that fuzzing finds its way to all kinds of
// them. When the bytes are used up all choices are 0.
type choices struct{ rest []byte }

func (c *choices) byte() byte {
	if len(c.rest) == 0 {
		return 0
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
}

func (c *choices) of(n int) int { return int(c.byte()) % n }

func (c *choices) bits() uint64 {
	var b [8]byte
	for i := range c.of(9) {
		b[i] = c.byte()
	}
	return binary.LittleEndian.Uint64(b[:])
}

var texts = []string{"", "a", "b", "key", "ß", "\x00", "日本", "a text that is longer than all heads of one byte allow", "\ufffd", "aa", "id", "\xff", "a\xc3"}

func (c *choices) text() string {
	if c.of(8) > 0 {
		return texts[c.of(len(texts)-2)] // the last two are not UTF-8
	}
	return texts[c.of(len(texts))]
}

func (c *choices) float() float64 {
	switch c.of(4) {
	case 0:
		return float64(int8(c.byte())) / 4
	case 1:
		return []float64{0, math.Copysign(0, -1), math.Inf(1), math.NaN(), math.MaxFloat64, 0x1p-24, 65504}[c.of(7)]
	case 2:
		return float64(math.Float32frombits(uint32(c.bits())))
	}
	return math.Float64frombits(c.bits())
}

// fill sets v, which is zero.
func (c *choices) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(c.of(2) == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := int64(c.bits())
		if c.of(2) == 1 {
			n = ^n
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(c.bits())
	case reflect.Float32, reflect.Float64:
		v.SetFloat(c.float())
	case reflect.String:
		v.SetString(c.text())
	case reflect.Pointer:
		if c.of(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			c.fill(v.Elem())
		}
	case reflect.Slice:
		if n := c.of(5); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			c.fill(v.Index(i))
		}
	case reflect.Map:
		c.fillMap(v)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Anonymous && !f.IsExported() {
				for j := range f.Type.NumField() {
					c.fill(v.Field(i).Field(j))
				}
			} else if f.IsExported() {
				c.fill(v.Field(i))
			}
		}
	}
}

func (c *choices) fillMap(v reflect.Value) {
	n := c.of(6)
	if n == 0 {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for range n - 1 {
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		c.fill(key)
		c.fill(elem)
		v.SetMapIndex(key, elem)
	}
}
