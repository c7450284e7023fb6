package rt

import "testing"

// The place of a panic is a line of the program, whatever lies between it and the
// panic.
func TestPanicPlace(t *testing.T) {
	const (
		head = "goroutine 7 [running]:\nruntime/debug.Stack()\n\t/go/src/runtime/debug/stack.go:26 +0x5e\n" +
			"example.com/rt.(*daemon).panicked(0xc0)\n\t/home/rt/failure.go:60 +0x4f\n"
		raised  = "panic({0x6d, 0x7b})\n\t/go/src/runtime/panic.go:783 +0x132\n"
		trimmed = "panic({0x6d, 0x7b})\n\truntime/panic.go:783 +0x132\n"
		method  = "example.com/shop.(*Store).Buy(...)\n\t/home/shop/store.go:12\nmain.main()\n\t/home/main.go:5 +0x1d\n"
	)
	for _, test := range []struct{ name, stack, want string }{
		{"panic", head + raised + method, "store.go:12"},
		{"runtime error", head + raised + "runtime.goPanicIndex(0x5, 0x3)\n\t/go/src/runtime/panic.go:115 +0x74\n" + method, "store.go:12"},
		{"standard library", head + raised + "strings.Repeat({0x1, 0x2}, 0x3)\n\t/go/src/strings/strings.go:624 +0x5a\n" + method, "store.go:12"},
		{"trimmed paths", head + trimmed + "runtime.panicmem(...)\n\truntime/panic.go:262\n" + method, "store.go:12"},
		{"Goexit", head + "runtime.Goexit()\n\t/go/src/runtime/panic.go:636 +0x5e\n" + method, "store.go:12"},
		{"no panic", head + method, ""},
		{"nothing of the program", head + raised + "created by example.com/rt.read in goroutine 1\n\t/home/rt/serve.go:3 +0x5\n", ""},
		{"cut short", head + "panic({0x6d", ""},
		{"empty", "", ""},
	} {
		if got := panicPlace(test.stack); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
