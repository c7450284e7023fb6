package value

import (
	"reflect"
	"sync"
)

// errorLayout says how the data of an error type is sent.
type errorLayout struct {
	ok     bool          // the data can be sent
	whole  *Plan         // set if the data is sent as one value, not by fields
	data   map[int]*Plan // the struct's fields by index, except those of type error
	errors []int         // the struct's fields of type error
}

// layouts caches layoutOf by reflect.Type.
var layouts sync.Map

func layoutOf(t reflect.Type) *errorLayout {
	if l, ok := layouts.Load(t); ok {
		return l.(*errorLayout)
	}
	l, _ := layouts.LoadOrStore(t, newErrorLayout(t))
	return l.(*errorLayout)
}

func newErrorLayout(t reflect.Type) *errorLayout {
	l := &errorLayout{ok: true}
	s, reason := marshalled(t)
	switch {
	case reason != nil:
		return &errorLayout{}
	case t == errnoType:
		l.whole = PlanOf(reflect.TypeFor[uint64]())
	case t.Kind() != reflect.Struct || s != shapeRefused:
		l.whole = PlanOf(t)
		l.ok = l.whole.root == nil
	default:
		l.data = make(map[int]*Plan)
		for i := range t.NumField() {
			f := t.Field(i)
			switch {
			case f.Name == "_":
			case !f.IsExported():
				l.ok = false
			case f.Type == errorType:
				l.errors = append(l.errors, i)
			default:
				l.data[i] = PlanOf(f.Type)
				l.ok = l.ok && l.data[i].root == nil
			}
		}
	}
	return l
}
