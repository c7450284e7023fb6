package value

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"reflect"
	"slices"
)

// entry has variables for an entry of a map.
type entry struct{ key, elem reflect.Value }

// maxKept is the most size in bytes of a variable that is kept for the next use.
const maxKept = 4 << 10

// takeEntry returns variables for the entries of a map of p. giveEntry keeps them for the
// next map, so most maps need no new ones.
func (p *Plan) takeEntry() *entry {
	if e := p.entry.Swap(nil); e != nil {
		return e
	}
	return p.newEntry()
}

func (p *Plan) newEntry() *entry {
	return &entry{reflect.New(p.key.typ).Elem(), reflect.New(p.elem.typ).Elem()}
}

// giveEntry clears e and keeps it. Methods of the program may have kept the address of a
// variable, which is then not used again.
func (p *Plan) giveEntry(e *entry) {
	if p.calls || p.key.typ.Size()+p.elem.typ.Size() > maxKept {
		return
	}
	e.key.SetZero()
	e.elem.SetZero()
	p.entry.Store(e)
}

// entries appends a map at depth.
func (w *Writer) entries(p *Plan, v reflect.Value, depth int) *fault {
	mine, n := len(w.spans), v.Len()
	w.b = appendHead(w.b, majorMap, uint64(n))
	var f *fault
	if p.fast == fastTexts {
		m, _ := reflect.TypeAssert[map[string]string](v)
		f = w.texts(m)
	} else {
		f = w.pairs(p, v, depth)
	}
	if f != nil {
		return f
	}
	if len(w.spans)-mine != n { // by a method of an entry
		return faultf("the map was changed while it was encoded")
	}
	w.sort(mine)
	return nil
}

// pairs appends the entries of a map.
func (w *Writer) pairs(p *Plan, v reflect.Value, depth int) *fault {
	children := w.children
	w.children = nil // their order would be that of the map
	defer func() { w.children = children }()
	e := p.takeEntry()
	for it := v.MapRange(); it.Next(); {
		if p.calls {
			e = p.newEntry()
		}
		e.key.SetIterKey(it)
		e.elem.SetIterValue(it)
		begin := len(w.b)
		f := w.value(p.key, e.key, depth)
		if f == nil {
			f = w.value(p.elem, e.elem, depth)
		}
		if f != nil {
			return f.below(keyStep(e.key))
		}
		w.spans = append(w.spans, span{begin: begin, end: len(w.b)})
	}
	p.giveEntry(e)
	return nil
}

// texts is pairs for a map[string]string.
func (w *Writer) texts(m map[string]string) *fault {
	for k, s := range m {
		begin := len(w.b)
		f := w.text(k)
		if f == nil {
			f = w.text(s)
		}
		if f != nil {
			return f.below(keyStep(reflect.ValueOf(k)))
		}
		w.spans = append(w.spans, span{begin: begin, end: len(w.b)})
	}
	return nil
}

// span is an entry of a map in the buffer.
type span struct {
	prefix     uint64 // the first bytes, set by sort
	begin, end int
}

// Limits of the memory that is kept for sorting the next map.
const (
	maxScratch = 64 << 10 // bytes
	maxSpans   = 4 << 10
)

// sort sorts the entries of a map by the bytes of their keys. The entries are the last in
// the buffer, and in w.spans from mine. No key is a prefix of another, so the elements after
// the keys do not affect the order.
func (w *Writer) sort(mine int) {
	spans := w.spans[mine:]
	w.spans = w.spans[:mine]
	w.order = w.order[:0] // of pointers: a sort of these is in most programs already
	for i := range spans {
		spans[i].prefix = prefix(w.b[spans[i].begin:spans[i].end])
		w.order = append(w.order, &spans[i])
	}
	compare := func(x, y *span) int {
		if x.prefix != y.prefix {
			return cmp.Compare(x.prefix, y.prefix)
		}
		return bytes.Compare(w.b[x.begin:x.end], w.b[y.begin:y.end])
	}
	if slices.IsSortedFunc(w.order, compare) {
		return
	}
	begin := spans[0].begin
	slices.SortFunc(w.order, compare)
	w.scratch = append(w.scratch[:0], w.b[begin:]...)
	b := w.b[:begin]
	for _, s := range w.order {
		b = append(b, w.scratch[s.begin-begin:s.end-begin]...)
	}
}

// prefix returns the first 8 bytes of b as a number, padded with zeros.
func prefix(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var n uint64
	for i := range 8 {
		n <<= 8
		if i < len(b) {
			n |= uint64(b[i])
		}
	}
	return n
}
