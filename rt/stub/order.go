package stub

import (
	"bytes"
	"slices"
)

// span is where a map's entry begins and ends.
type span struct{ begin, end int }

// order puts the entries of a map, which are the last in the buffer and
// w.spans from mine, into the bytewise order of their keys. No key begins
// another one, so that the elements behind the keys do not count.
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
