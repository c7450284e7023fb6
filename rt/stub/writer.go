package stub

import (
	"math"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Writer encodes a value for the generated code of a [Codec]. After a value that the
// generated code cannot encode, its output is discarded, and the codec encodes the
// value with [Encode], which reports the error. Only one goroutine may use it at a
// time.
type Writer struct {
	b      []byte
	start  int // start of the value
	limit  int // size limit of b
	failed bool

	spans   []span // of the entries of all maps being written
	scratch []byte // memory for sorting the entries
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

// begin makes w append a value to b.
func (w *Writer) begin(b []byte, limit int) {
	w.b, w.start, w.limit, w.failed, w.spans = b, len(b), limit, false, w.spans[:0]
}

// end returns the written bytes, and false after a failure.
func (w *Writer) end() (b []byte, ok bool) {
	b, ok = w.b, !w.failed && len(w.b) <= w.limit
	w.b = nil
	if cap(w.scratch) > maxScratch {
		w.scratch, w.spans = nil, nil
	}
	return b, ok
}

// maxScratch is the maximum memory in bytes that is kept for the next map.
const maxScratch = 64 << 10

// fail makes the codec encode the value with Encode.
func (w *Writer) fail() {
	w.failed = true
	w.b = w.b[:w.start]
}

// goes reports whether n more bytes fit. If not, it calls fail.
func (w *Writer) goes(n int) bool {
	if !w.failed && n <= w.limit-len(w.b) {
		return true
	}
	w.fail()
	return false
}

// Struct begins a struct. It has fields fields, and one for each optional that is true.
func (w *Writer) Struct(fields int, optional ...bool) {
	for _, sent := range optional {
		if sent {
			fields++
		}
	}
	w.b = appendHead(w.b, majorMap, uint64(fields))
}

// Key writes the name of a field. Its value must be written next. Key returns w.
func (w *Writer) Key(name string) *Writer {
	w.b = append(appendHead(w.b, majorText, uint64(len(name))), name...)
	return w
}

// HasFloat reports whether a float with omitempty is sent. A -0 would be lost, so the
// codec leaves such a value to Encode, which rejects it.
func HasFloat[T float](w *Writer, v T) bool {
	if v == 0 && math.Signbit(float64(v)) {
		w.fail()
	}
	return v != 0
}

// HasList reports whether a slice with omitempty is sent. An empty slice that is not
// nil would be lost, so the codec leaves such a value to Encode, which rejects it.
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

// WriteUint writes an unsigned integer.
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

// WriteString writes a string.
func WriteString[T ~string](w *Writer, v T) {
	if w.goes(len(v)) && utf8.ValidString(string(v)) {
		w.b = append(appendHead(w.b, majorText, uint64(len(v))), v...)
	} else {
		w.fail()
	}
}

// WriteBytes writes a byte slice, or null for nil.
func WriteBytes[T ~[]byte](w *Writer, v T) {
	if v == nil {
		w.b = append(w.b, itemNull)
	} else if w.goes(len(v)) {
		w.b = append(appendHead(w.b, majorBytes, uint64(len(v))), v...)
	}
}

// WriteEmpty writes a struct without fields.
func WriteEmpty[T ~struct{}](w *Writer, _ T) { w.Struct(0) }

// WritePointer writes null for nil, otherwise the element of v with write.
func WritePointer[E any](w *Writer, v *E, write func(*Writer, E)) {
	if v == nil {
		w.b = append(w.b, itemNull)
		return
	}
	write(w, *v)
}

// WriteList writes a slice. It writes each element with write.
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

// WriteMap writes a map. It writes each key with key and each element with elem.
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

// open begins a slice or map of n elements. It reports whether the elements must be
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
