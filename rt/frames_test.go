package rt_test

import (
	"testing"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// greeting opens every connection; see PROTOCOL.md.
const greeting = "loopgen\xae"

// opening returns the bytes of greeting and hello.
func opening(t testing.TB, h wire.Hello) []byte {
	t.Helper()
	return append([]byte(greeting), encoded(t, wire.Frame{Kind: wire.KindHello, Body: marshal(t, h)})...)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encoded(t testing.TB, f wire.Frame) []byte {
	t.Helper()
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
