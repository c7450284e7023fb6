package stub

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// logValue is a resolved slog.Value on the wire. A value that only a handler could
// interpret becomes text.
type logValue struct {
	Value any       `json:"value"` // of any kind but a group
	Group []logAttr `json:"group"` // nil unless the value is a group
}

type logAttr struct {
	Key   string   `json:"key"`
	Value logValue `json:"value"`
}

var logValueType = reflect.TypeFor[slog.Value]()

// encodeLogValue appends v, resolved. It fails as [Encode] does.
func encodeLogValue(e *Encoder, v slog.Value) {
	l := newLogValue(v)
	e.append(reflect.ValueOf(&l).Elem())
}

// decodeLogValue sets *v to the next value of the message. It fails as [Decode] does.
func decodeLogValue(d *Decoder, v *slog.Value) {
	var l logValue
	d.decode(reflect.ValueOf(&l).Elem())
	*v = l.value()
}

func newLogValue(v slog.Value) logValue {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindGroup:
		l := logValue{Group: []logAttr{}}
		for _, a := range v.Group() {
			l.Group = append(l.Group, logAttr{a.Key, newLogValue(a.Value)})
		}
		return l
	case slog.KindAny:
		if v.Any() != nil {
			return logValue{Value: strings.ToValidUTF8(fmt.Sprintf("%+v", v.Any()), "\ufffd")}
		}
	}
	return logValue{Value: v.Any()}
}

func (l logValue) value() slog.Value {
	if l.Group == nil {
		return slog.AnyValue(l.Value)
	}
	attrs := make([]slog.Attr, len(l.Group))
	for i, a := range l.Group {
		attrs[i] = slog.Attr{Key: a.Key, Value: a.Value.value()}
	}
	return slog.GroupValue(attrs...)
}
