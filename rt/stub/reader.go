package stub

import (
	"math"
	"reflect"
	"unicode/utf8"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Reader decodes a value for the generated code of a [Codec]. After an item that the
// generated code does not expect, it returns only zeros, and the codec decodes the
// value with [Decode], which reports the error. Only one goroutine may use it at a
// time.
type Reader struct {
	b      []byte
	at     int
	failed bool
}

func (r *Reader) begin(b []byte) { *r = Reader{b: b} }

// end returns the bytes after the value, and false after a failure.
func (r *Reader) end() (rest []byte, ok bool) {
	rest, ok = r.b[r.at:], !r.failed
	r.b, r.at = nil, 0
	return rest, ok
}

// fail makes the codec decode the value with Decode.
func (r *Reader) fail() {
	r.failed = true
	r.at = len(r.b) // nothing more is read
}

// head reads a head. After a failure it returns a head of no item.
func (r *Reader) head() head {
	h, ok := readHead(r.b, r.at)
	if !ok {
		r.fail()
		return head{major: majorTag}
	}
	r.at = h.end
	return h
}

// argument reads a head of a major type and returns its argument.
func (r *Reader) argument(major byte) uint64 {
	if r.at < len(r.b) {
		if c := r.b[r.at] - major<<5; c < 24 {
			r.at++
			return uint64(c)
		}
	}
	h := r.head()
	if h.major != major {
		r.fail()
		return 0
	}
	return h.arg
}

// null reads a null if it is the next item, and reports whether it is.
func (r *Reader) null() bool {
	if r.at < len(r.b) && r.b[r.at] == itemNull {
		r.at++
		return true
	}
	return false
}

// take reads a string and returns its bytes, which alias the message.
func (r *Reader) take(major byte) []byte {
	n := r.argument(major)
	if n > uint64(len(r.b)-r.at) {
		r.fail()
		return nil
	}
	b := r.b[r.at : r.at+int(n)]
	r.at += int(n)
	return b
}

// Struct begins a struct with exactly fields fields.
func (r *Reader) Struct(fields int) {
	if r.argument(majorMap) != uint64(fields) {
		r.fail()
	}
}

// StructFrom begins a struct with at least fields fields. It returns the number of
// additional fields.
func (r *Reader) StructFrom(fields int) (more int) {
	n := r.argument(majorMap)
	if n < uint64(fields) || n > wire.MaxElements {
		r.fail()
		return 0
	}
	return int(n) - fields
}

// Key reads the name of a field. Its value must be read next. Key returns r.
func (r *Reader) Key(name string) *Reader {
	if !r.name(name) {
		r.fail()
	}
	return r
}

// Has reports whether the next field is the optional field with that name, and if so
// reads the name. *more is the number of optional fields left; Has decrements it for
// each that it reads.
func (r *Reader) Has(name string, more *int) bool {
	if *more == 0 || !r.name(name) {
		return false
	}
	*more--
	if h, ok := readHead(r.b, r.at); !ok || h.isEmpty() {
		r.fail() // omitempty would have omitted the value
	}
	return true
}

// isEmpty reports whether omitempty may omit the item with head h.
func (h head) isEmpty() bool {
	if h.major == majorOther {
		f, ok := h.float()
		return h.info == itemFalse&31 || h.isNull() || ok && f == 0
	}
	return h.major != majorNegative && h.arg == 0
}

// name reads the name of a field if it is the next item, and reports whether it is.
func (r *Reader) name(name string) bool {
	var space [9]byte
	head := appendHead(space[:0], majorText, uint64(len(name)))
	b := r.b[r.at:]
	if len(b) < len(head)+len(name) || string(b[:len(head)]) != string(head) || string(b[len(head):len(head)+len(name)]) != name {
		return false
	}
	r.at += len(head) + len(name)
	return true
}

// End ends a struct. more is the number of its fields not yet read, and must be 0.
func (r *Reader) End(more int) {
	if more != 0 {
		r.fail()
	}
}

// ReadBool reads a boolean.
func ReadBool[T ~bool](r *Reader) T {
	h := r.head()
	if h.major != majorOther || h.info != itemFalse&31 && h.info != itemTrue&31 {
		r.fail()
	}
	return h.info == itemTrue&31
}

// ReadInt reads an integer.
func ReadInt[T signed](r *Reader) T {
	h := r.head()
	n := int64(h.arg)
	if h.major == majorNegative {
		n = ^n
	}
	if h.major > majorNegative || h.arg > math.MaxInt64 || int64(T(n)) != n {
		r.fail()
		return 0
	}
	return T(n)
}

// ReadUint reads an unsigned integer.
func ReadUint[T unsigned](r *Reader) T {
	n := r.argument(majorUint)
	if uint64(T(n)) != n {
		r.fail()
		return 0
	}
	return T(n)
}

// ReadFloat reads a float.
func ReadFloat[T float](r *Reader) T {
	h := r.head()
	f, ok := h.float()
	if !ok || h.info == 27 && reflect.TypeFor[T]().Kind() == reflect.Float32 {
		r.fail()
		return 0
	}
	return T(f)
}

// ReadString reads a string.
func ReadString[T ~string](r *Reader) T {
	b := r.take(majorText)
	if !utf8.Valid(b) {
		r.fail()
		return ""
	}
	return T(b)
}

// ReadBytes reads a byte slice, or null as nil.
func ReadBytes[T ~[]byte](r *Reader) T {
	if r.null() {
		return nil
	}
	b := r.take(majorBytes)
	return append(make(T, 0, len(b)), b...)
}

// ReadEmpty reads a struct without fields.
func ReadEmpty[T ~struct{}](r *Reader) (v T) {
	r.Struct(0)
	return v
}

// Fill reads len(v) bytes into v.
func (r *Reader) Fill(v []byte) {
	if b := r.take(majorBytes); len(b) == len(v) {
		copy(v, b)
	} else {
		r.fail()
	}
}

// ReadPointer reads null, or the element of a pointer with read.
func ReadPointer[E any](r *Reader, read func(*Reader) E) *E {
	if r.null() {
		return nil
	}
	v := new(E)
	*v = read(r)
	return v
}

// ReadList reads a slice. It reads each element with read.
func ReadList[S ~[]E, E any](r *Reader, read func(*Reader) E) S {
	if r.null() {
		return nil
	}
	n := r.length(majorArray)
	v := make(S, 0, r.room(n, reflect.TypeFor[E]().Size()))
	for range n {
		e := read(r)
		if r.failed {
			return nil
		}
		v = append(v, e)
	}
	return v
}

// ReadMap reads a map. It reads each key with key and each element with elem.
func ReadMap[M ~map[K]V, K comparable, V any](r *Reader, key func(*Reader) K, elem func(*Reader) V) M {
	if r.null() {
		return nil
	}
	n := r.length(majorMap)
	v := make(M, r.room(n, reflect.TypeFor[K]().Size()+reflect.TypeFor[V]().Size()))
	for range n {
		k := key(r)
		e := elem(r)
		if r.failed {
			return nil
		}
		v[k] = e
	}
	if len(v) != n {
		r.fail() // duplicate key
	}
	return v
}

// length reads the number of elements of a slice or map. Each element has at least one
// byte.
func (r *Reader) length(major byte) int {
	n := r.argument(major)
	if n > wire.MaxElements || n > uint64(len(r.b)-r.at) {
		r.fail()
		return 0
	}
	return int(n)
}

// room returns the number of elements, of n, for which memory is allocated in advance.
// A message may claim more elements than it has, and must not cause a large allocation.
func (r *Reader) room(n int, size uintptr) int {
	most := 4096 + 64*(len(r.b)-r.at)
	if size == 0 || n <= most/int(size) {
		return n
	}
	return most / int(size)
}
