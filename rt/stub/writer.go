package stub

import (
	"math"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Writer is what the code of a [Codec] writes a value with. After something that
// is not for the short cut it writes nothing that counts.
type Writer struct {
	b      []byte
	start  int // where the value begins
	limit  int // of b
	failed bool

	spans   []span // of the entries of all maps that are being written
	scratch []byte // what they are put in order with
}

type (
	signed interface {
		~int | ~int8 | ~int16 | ~int32 | ~int64
	}
	unsigned interface {
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
	}
	float interface{ ~float32 | ~float64 }
)

// begin makes w write a value behind b.
func (w *Writer) begin(b []byte, limit int) {
	w.b, w.start, w.limit, w.failed, w.spans = b, len(b), limit, false, w.spans[:0]
}

// end returns what was written, unless it is not for the short cut.
func (w *Writer) end() (b []byte, ok bool) {
	b, ok = w.b, !w.failed && len(w.b) <= w.limit
	w.b = nil
	if cap(w.scratch) > maxScratch {
		w.scratch, w.spans = nil, nil
	}
	return b, ok
}

// maxScratch is how much memory is kept for the next map.
const maxScratch = 64 << 10

// fail leaves the value to the long way.
func (w *Writer) fail() {
	w.failed = true
	w.b = w.b[:w.start]
}

// goes reports whether there is room for n more bytes, or else fails.
func (w *Writer) goes(n int) bool {
	if !w.failed && n <= w.limit-len(w.b) {
		return true
	}
	w.fail()
	return false
}

// Struct begins a struct with as many fields, and those of optional that are
// true.
func (w *Writer) Struct(fields int, optional ...bool) {
	for _, sent := range optional {
		if sent {
			fields++
		}
	}
	w.b = appendHead(w.b, majorMap, uint64(fields))
}

// Key writes the name of a field, whose value comes next. It returns w.
func (w *Writer) Key(name string) *Writer {
	w.b = append(appendHead(w.b, majorText, uint64(len(name))), name...)
	return w
}

// HasFloat reports whether a float is sent with omitempty. -0 would be lost.
func HasFloat[T float](w *Writer, v T) bool {
	if v == 0 && math.Signbit(float64(v)) {
		w.fail()
	}
	return v != 0
}

// HasList reports whether a slice is sent with omitempty. One that is empty but
// not nil would be lost.
func HasList[S ~[]E, E any](w *Writer, v S) bool { return w.filled(len(v), v == nil) }

// HasMap is HasList for a map.
func HasMap[M ~map[K]V, K comparable, V any](w *Writer, v M) bool { return w.filled(len(v), v == nil) }

func (w *Writer) filled(n int, isNil bool) bool {
	if n == 0 && !isNil {
		w.fail()
	}
	return n > 0
}

// WriteBool writes a boolean.
func WriteBool[T ~bool](w *Writer, v T) {
	item := byte(itemFalse)
	if v {
		item = itemTrue
	}
	w.b = append(w.b, item)
}

// WriteInt writes an integer.
func WriteInt[T signed](w *Writer, v T) {
	if v >= 0 && v <= maxShort {
		w.b = append(w.b, byte(v))
		return
	}
	w.b = appendInt(w.b, int64(v))
}

// WriteUint writes an integer without a sign.
func WriteUint[T unsigned](w *Writer, v T) { w.b = appendHead(w.b, majorUint, uint64(v)) }

// WriteFloat writes a float.
func WriteFloat[T float](w *Writer, v T) {
	b, ok := appendFloat(w.b, float64(v))
	if !ok {
		w.fail()
		return
	}
	w.b = b
}

// WriteString writes text.
func WriteString[T ~string](w *Writer, v T) {
	if w.goes(len(v)) && utf8.ValidString(string(v)) {
		w.b = append(appendHead(w.b, majorText, uint64(len(v))), v...)
	} else {
		w.fail()
	}
}

// WriteBytes writes bytes.
func WriteBytes[T ~[]byte](w *Writer, v T) {
	if v == nil {
		w.b = append(w.b, itemNull)
	} else if w.goes(len(v)) {
		w.b = append(appendHead(w.b, majorBytes, uint64(len(v))), v...)
	}
}

// WriteEmpty writes a struct without fields.
func WriteEmpty[T ~struct{}](w *Writer, _ T) { w.Struct(0) }

// WritePointer writes what v points to, or null.
func WritePointer[E any](w *Writer, v *E, write func(*Writer, E)) {
	if v == nil {
		w.b = append(w.b, itemNull)
		return
	}
	write(w, *v)
}

// WriteList writes a slice, each element by write.
func WriteList[S ~[]E, E any](w *Writer, v S, write func(*Writer, E)) {
	if !w.open(majorArray, len(v), v == nil) {
		return
	}
	for i := range v {
		write(w, v[i])
		if !w.goes(0) {
			return
		}
	}
}

// WriteMap writes a map, each key and element by the function for it.
func WriteMap[M ~map[K]V, K comparable, V any](w *Writer, v M, key func(*Writer, K), elem func(*Writer, V)) {
	if !w.open(majorMap, len(v), v == nil) {
		return
	}
	mine := len(w.spans)
	for k, e := range v {
		begin := len(w.b)
		key(w, k)
		elem(w, e)
		if !w.goes(0) {
			return
		}
		w.spans = append(w.spans, span{begin, len(w.b)})
	}
	w.order(mine)
}

// open begins a slice or map of n elements. It reports whether they are to be
// written.
func (w *Writer) open(major byte, n int, isNil bool) bool {
	switch {
	case isNil:
		w.b = append(w.b, itemNull)
		return false
	case n > wire.MaxElements || !w.goes(n):
		w.fail()
		return false
	}
	w.b = appendHead(w.b, major, uint64(n))
	return true
}
