package daemon

import "testing"

// TestHeldEndsTheOldest shows that take ends the oldest of equal acquisitions, so that an
// abandon finds its own.
func TestHeldEndsTheOldest(t *testing.T) {
	var h held
	for call := range uint64(3) {
		h.add(acquisition{end: 1, args: "a", call: 1 + call})
	}
	h.add(acquisition{end: 1, args: "b", call: 4})
	if got := h.take(acquisition{end: 1, args: "a"}); got == nil || got.call != 1 {
		t.Errorf("ended %v, want that of call 1", got)
	}
	if got := h.abandon(3); got == nil || got.call != 3 {
		t.Errorf("abandoned %v, want that of call 3", got)
	}
	if got := h.abandon(3); got != nil {
		t.Errorf("abandoned twice: %v", got)
	}
	if got := h.take(acquisition{end: 1, args: "a"}); got == nil || got.call != 2 {
		t.Errorf("ended %v, want that of call 2", got)
	}
	if got := h.take(acquisition{end: 1, args: "a"}); got != nil {
		t.Errorf("ended %v, which was not held", got)
	}
	if left := h.close(); len(left) != 1 || left[0].call != 4 {
		t.Errorf("left: %v", left)
	}
}
