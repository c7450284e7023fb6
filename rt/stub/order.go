package stub

import (
	"bytes"
	"slices"
)

// span has the start and the end of a map's entry.
type span struct{ begin, end int }

// order sorts the entries of a map by the bytes of their keys. The entries are the last
// in the buffer, and in w.spans from mine. No key is a prefix of another, so the
// elements after the keys do not affect the order.
func (w *Writer) order(mine int) {
	spans := w.spans[mine:]
	w.spans = w.spans[:mine]
	compare := func(x, y span) int { return bytes.Compare(w.b[x.begin:x.end], w.b[y.begin:y.end]) }
	if slices.IsSortedFunc(spans, compare) {
		return
	}
	begin := spans[0].begin
	slices.SortFunc(spans, compare)
	w.scratch = append(w.scratch[:0], w.b[begin:]...)
	b := w.b[:begin]
	for _, s := range spans {
		b = append(b, w.scratch[s.begin-begin:s.end-begin]...)
	}
}
