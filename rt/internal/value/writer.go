package value

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// ErrTooLarge is in the chain of an error of [Writer.Append] if the message would exceed
// its limit.
var ErrTooLarge = errors.New("more than can be sent at once")

// Writer appends values to a message, and checks each while it appends it. It terminates
// for cyclic values, too: nesting is limited, and so is the size of the message. Only one
// goroutine may use a Writer at a time.
type Writer struct {
	errors *Errors
	b      []byte
	start  int // start of the message in b
	limit  int // most length of b

	// work is the number of bytes that may still be spent on the errors inside values. It
	// only decreases, so nested errors terminate.
	work int
	// children is set in the data of an error. It gets the errors in the data, which are
	// nodes of the same tree, and the data has their positions in it.
	children *[]error
	// until is the time by which the methods of the message's errors must have returned. It
	// is zero while none has been called.
	until time.Time

	config *ConfigWriter // set if w writes a configuration

	spans   []span  // of the entries of all maps being written
	order   []*span // memory for sorting the entries
	scratch []byte  // the same
}

// Reset prepares w for a message that begins at start in the buffers of Append and ends at
// most at limit. The errors of the table keep their identity in the receiver.
func (w *Writer) Reset(table *Errors, start, limit int) {
	*w = Writer{errors: table, start: start, limit: limit, work: limit - start, spans: w.spans[:0], order: w.order[:0], scratch: w.scratch}
	if cap(w.scratch) > maxScratch || cap(w.spans) > maxSpans {
		w.spans, w.order, w.scratch = nil, nil, nil
	}
}

// Append appends v, which is addressable and of p's type, to b, the message so far. If v
// cannot be sent without a change, Append returns an error that names the type, the path
// inside v and the reason. Append panics only if a method of v panics.
func (w *Writer) Append(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	return w.append(b, p, v, 0)
}

// append is Append for a value that is nested in depth arrays and maps.
func (w *Writer) append(b []byte, p *Plan, v reflect.Value, depth int) ([]byte, error) {
	if p.root != nil {
		return nil, p.root.in(p.typ)
	}
	w.b = b
	f := w.value(p, v, depth)
	if f == nil && len(w.b) > w.limit {
		f = w.tooLarge(0)
	}
	w.work -= len(w.b) - len(b)
	b, w.b = w.b, nil
	if f != nil {
		return nil, f.in(p.typ)
	}
	return b, nil
}

// fits returns a fault unless n more bytes fit into the message.
func (w *Writer) fits(n int) *fault {
	if n > w.limit-len(w.b) {
		return w.tooLarge(n)
	}
	return nil
}

func (w *Writer) tooLarge(n int) *fault {
	return faultf("%w: at least %d bytes, the limit is %d", ErrTooLarge, len(w.b)+n-w.start, w.limit-w.start)
}

func notANumberInKey() *fault {
	return faultf("NaN as a map key is not equal to itself; use another key")
}

func tooDeep() *fault {
	return faultf("the value is cyclic, or nested deeper than the %d levels that can be sent", wire.MaxNesting)
}

func tooMany(n int) *fault {
	return faultf("%d elements are more than the %d that can be sent in one piece; split them", n, wire.MaxElements)
}

// value appends v, which is addressable and nested in depth arrays and maps.
func (w *Writer) value(p *Plan, v reflect.Value, depth int) *fault {
	switch p.shape {
	case shapePointer, shapeSlice, shapeBytes, shapeMap, shapeError, shapeInterface:
		if v.IsNil() {
			w.b = append(w.b, itemNull)
			return nil
		}
	}
	switch p.shape {
	case shapeBool:
		w.b = appendBool(w.b, v.Bool())
	case shapeInt:
		if n := v.Int(); n >= 0 && n <= maxShort {
			w.b = append(w.b, byte(n))
		} else {
			w.b = appendInt(w.b, n)
		}
	case shapeUint, shapeUintptr:
		w.b = appendHead(w.b, majorUint, v.Uint())
	case shapeFloat32, shapeFloat64:
		return w.float(p, v)
	case shapeString:
		return w.text(v.String())
	case shapeBytes, shapeByteArray:
		w.b = appendHead(w.b, majorBytes, uint64(v.Len()))
		return w.raw(v.Bytes())
	case shapeSlice, shapeArray, shapeMap, shapeStruct:
		return w.composite(p, v, depth+1)
	case shapePointer:
		return w.pointer(p, v, depth)
	case shapeTime:
		t, _ := reflect.TypeAssert[time.Time](v)
		return w.time(p, t)
	case shapeBigInt:
		return w.bigInt(v.Addr().Interface().(*big.Int))
	case shapeBinary, shapeText:
		return w.marshalled(p, v)
	case shapeComplex:
		return w.complex(p, v, depth+1)
	case shapeError:
		err := v.Interface().(error)
		if w.children == nil {
			return w.error(err, depth)
		}
		w.b = appendHead(w.b, majorUint, uint64(len(*w.children)))
		*w.children = append(*w.children, err)
	case shapeInterface:
		return w.held(p, v.Elem(), depth+1)
	default:
		return p.reason.copy()
	}
	return nil
}

func (w *Writer) float(p *Plan, v reflect.Value) *fault {
	f := v.Float()
	switch {
	case f == f:
		w.b = appendFloat64(w.b, f)
	case p.inKey:
		return notANumberInKey()
	case p.shape == shapeFloat64:
		w.b = appendFloat64(w.b, f)
	default: // v.Float has converted the value, which changes some NaNs
		w.b = appendFloat32(w.b, math.Float32bits(*PointerTo[float32](v)))
	}
	return nil
}

// PointerTo returns the address of the variable v, whose underlying type is T. Methods of
// [reflect.Value] convert a float32 to a float64, which changes a signalling NaN. PointerTo
// may be called concurrently.
func PointerTo[T any](v reflect.Value) *T {
	return v.Addr().Convert(reflect.TypeFor[*T]()).Interface().(*T)
}

func (w *Writer) complex(p *Plan, v reflect.Value, depth int) *fault {
	if depth > wire.MaxNesting {
		return tooDeep()
	}
	if c := v.Complex(); p.inKey && (math.IsNaN(real(c)) || math.IsNaN(imag(c))) {
		return notANumberInKey()
	}
	w.b = appendHead(w.b, majorArray, 2)
	if v.Kind() == reflect.Complex64 { // v.Complex converts the value, which changes some NaNs
		c := *PointerTo[complex64](v)
		w.b = appendFloat32(w.b, math.Float32bits(real(c)))
		w.b = appendFloat32(w.b, math.Float32bits(imag(c)))
		return nil
	}
	c := v.Complex()
	w.b = appendFloat64(appendFloat64(w.b, real(c)), imag(c))
	return nil
}

func (w *Writer) text(s string) *fault {
	if len(s) > maxShort {
		return w.longText(s)
	}
	b := append(w.b, majorText<<5|byte(len(s)))
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return w.longText(s)
		}
	}
	w.b = append(b, s...)
	return nil
}

func (w *Writer) longText(s string) *fault {
	if f := w.fits(len(s)); f != nil {
		return f
	}
	if !utf8.ValidString(s) {
		return &fault{err: errNotUTF8}
	}
	w.b = append(appendHead(w.b, majorText, uint64(len(s))), s...)
	return nil
}

// raw appends the bytes of a string after its head.
func (w *Writer) raw(data []byte) *fault {
	if f := w.fits(len(data)); f != nil {
		return f
	}
	w.b = append(w.b, data...)
	return nil
}

func (w *Writer) bigInt(n *big.Int) *fault {
	major := byte(majorUint)
	if n.Sign() < 0 {
		major, n = majorNegative, new(big.Int).Not(n) // -1-n
	}
	if n.IsUint64() {
		w.b = appendHead(w.b, major, n.Uint64())
		return nil
	}
	data := n.Bytes()
	w.b = appendHead(append(w.b, majorTag<<5|tagBignum+major), majorBytes, uint64(len(data)))
	return w.raw(data)
}

func (w *Writer) marshalled(p *Plan, v reflect.Value) *fault {
	data, err := checkMarshalled(v, p.shape, p.inKey)
	if err != nil {
		return faultf("%s cannot be sent: %w", p.typ, err)
	}
	major := byte(majorBytes)
	if p.shape == shapeText {
		major = majorText
	}
	w.b = appendHead(w.b, major, uint64(len(data)))
	return w.raw(data)
}

func (w *Writer) pointer(p *Plan, v reflect.Value, depth int) *fault {
	v = v.Elem()
	if isNull(p.elem, v) {
		return faultf("a pointer to a %s that is %s would come back as a nil pointer; send nil, or the value itself", p.elem.typ, nullName(p.elem))
	}
	return w.value(p.elem, v, depth)
}

// isNull reports whether v is encoded as null.
func isNull(p *Plan, v reflect.Value) bool {
	switch p.shape {
	case shapePointer, shapeSlice, shapeBytes, shapeMap, shapeError, shapeInterface:
		return v.IsNil()
	case shapeTime:
		return v.Addr().Interface().(*time.Time).IsZero()
	}
	return false
}

func nullName(p *Plan) string {
	if p.shape == shapeTime {
		return "the zero time"
	}
	return "nil"
}

// composite appends v, an array or map at depth.
func (w *Writer) composite(p *Plan, v reflect.Value, depth int) *fault {
	if depth > wire.MaxNesting {
		return tooDeep()
	}
	if p.shape == shapeStruct {
		if f := w.fits(p.fields.required); f != nil {
			return f
		}
		return w.fields(p.fields, v, depth)
	}
	n := v.Len()
	if n > wire.MaxElements {
		return tooMany(n)
	}
	if f := w.fits(n); f != nil {
		return f
	}
	if p.shape == shapeMap {
		return w.entries(p, v, depth)
	}
	w.b = appendHead(w.b, majorArray, uint64(n))
	switch p.fast {
	case fastInts:
		list, _ := reflect.TypeAssert[[]int](v)
		for _, n := range list {
			w.b = appendInt(w.b, int64(n))
		}
		return nil
	case fastStrings:
		list, _ := reflect.TypeAssert[[]string](v)
		for i, s := range list {
			if f := w.text(s); f != nil {
				return f.below(indexStep(i))
			}
		}
		return nil
	}
	for i := range n {
		if f := w.value(p.elem, v.Index(i), depth); f != nil {
			return f.below(indexStep(i))
		}
	}
	return nil
}
