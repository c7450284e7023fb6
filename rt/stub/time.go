package stub

import (
	"reflect"
	"time"
)

// timeIn returns v as a time.Time.
func timeIn(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

// time checks a time.Time. It is sent as RFC 3339 with nanoseconds, and the zero time
// as null.
func (c *checker) time(p *plan, v reflect.Value) *fault {
	t := timeIn(v)
	_, offset := t.Zone()
	year := t.Year()
	switch {
	case p.inKey && t != t.UTC():
		return &fault{err: errKeyInZone}
	case t.IsZero():
		if offset != 0 {
			return faultf("the zero time would lose its zone offset; use t.UTC()")
		}
		return nil
	case offset%60 != 0:
		return faultf("the time's zone offset of %v has seconds, which would be lost; use t.UTC()", time.Duration(offset)*time.Second)
	case offset <= -24*60*60 || offset >= 24*60*60:
		return faultf("the time's zone offset of %v is a day or more; use t.UTC()", time.Duration(offset)*time.Second)
	case year < 0 || year > 9999:
		return faultf("the time's year %d is outside 0 to 9999", year)
	}
	return c.spend(len("2006-01-02T15:04:05Z"))
}

// settleTimes gives every time in v a zone that does not depend on the decoding
// process. Parsing yields the local zone if the offset is that of the local zone. Times
// in map keys are in UTC.
func settleTimes(p *plan, v reflect.Value) {
	if !p.times {
		return
	}
	switch p.shape {
	case shapeTime:
		t := v.Addr().Interface().(*time.Time)
		if t.Location() != time.Local {
			return
		}
		if _, offset := t.Zone(); offset == 0 {
			*t = t.UTC()
		} else {
			*t = t.In(time.FixedZone("", offset))
		}
	case shapePointer:
		if !v.IsNil() {
			settleTimes(p.elem, v.Elem())
		}
	case shapeSlice, shapeArray:
		for i := range v.Len() {
			settleTimes(p.elem, v.Index(i))
		}
	case shapeMap:
		for it := v.MapRange(); it.Next(); {
			elem := reflect.New(p.elem.typ).Elem()
			elem.Set(it.Value())
			settleTimes(p.elem, elem)
			v.SetMapIndex(it.Key(), elem)
		}
	case shapeStruct:
		settleMembers(p.fields.members, v)
	}
}

func settleMembers(members []member, v reflect.Value) {
	for i := range members {
		m := &members[i]
		fv := v.Field(m.index)
		switch {
		case m.field != nil:
			settleTimes(m.field.plan, fv)
		case !m.pointer:
			settleMembers(m.embedded, fv)
		case !fv.IsNil():
			settleMembers(m.embedded, fv.Elem())
		}
	}
}
