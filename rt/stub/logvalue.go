package stub

import (
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"time"
)

// logValue is a resolved slog.Value on the wire, either of a basic kind or a group. A
// value that only a handler could interpret becomes text.
type logValue struct {
	Kind  string    `json:"kind"` // slog.Kind as text
	Bits  uint64    `json:"bits"` // value of a Bool, Duration, Float64, Int64 or Uint64
	Text  string    `json:"text"`
	Time  time.Time `json:"time"`
	Group []logAttr `json:"group"`
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
	v = v.Resolve()
	l := logValue{Kind: v.Kind().String()}
	switch v.Kind() {
	case slog.KindBool:
		if v.Bool() {
			l.Bits = 1
		}
	case slog.KindDuration:
		l.Bits = uint64(v.Duration())
	case slog.KindFloat64:
		l.Bits = math.Float64bits(v.Float64())
	case slog.KindInt64:
		l.Bits = uint64(v.Int64())
	case slog.KindUint64:
		l.Bits = v.Uint64()
	case slog.KindString:
		l.Text = v.String()
	case slog.KindTime:
		l.Time = v.Time()
	case slog.KindGroup:
		for _, a := range v.Group() {
			l.Group = append(l.Group, logAttr{a.Key, newLogValue(a.Value)})
		}
	default:
		if v.Any() != nil {
			l.Kind = slog.KindString.String()
			l.Text = strings.ToValidUTF8(fmt.Sprintf("%+v", v.Any()), "\ufffd")
		}
	}
	return l
}

func (l logValue) value() slog.Value {
	switch l.Kind {
	case slog.KindBool.String():
		return slog.BoolValue(l.Bits != 0)
	case slog.KindDuration.String():
		return slog.DurationValue(time.Duration(l.Bits))
	case slog.KindFloat64.String():
		return slog.Float64Value(math.Float64frombits(l.Bits))
	case slog.KindInt64.String():
		return slog.Int64Value(int64(l.Bits))
	case slog.KindUint64.String():
		return slog.Uint64Value(l.Bits)
	case slog.KindString.String():
		return slog.StringValue(l.Text)
	case slog.KindTime.String():
		return slog.TimeValue(l.Time)
	case slog.KindGroup.String():
		attrs := make([]slog.Attr, len(l.Group))
		for i, a := range l.Group {
			attrs[i] = slog.Attr{Key: a.Key, Value: a.Value.value()}
		}
		return slog.GroupValue(attrs...)
	}
	return slog.Value{}
}
