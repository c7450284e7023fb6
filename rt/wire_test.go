//go:build unix

package rt_test

import (
	"strings"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// A message that no version of the protocol has ends its connection, and no other.
func TestViolations(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		c := connect(t, a)
		pid := a.endpoint(t).PID
		first := a.greet(t)
		inc := func(id uint64) []byte { return encoded(t, first.call(t, id, "Inc")) }
		word := func(flag byte, word string) []byte {
			b := encoded(t, wire.Frame{Kind: wire.KindCall, Method: first.method(t, "Inc"), ID: 1, Body: []byte(word + "\x80")})
			b[5] = flag
			return b
		}
		for name, said := range map[string][]byte{
			"17 MiB":             []byte("\x01\x10\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
			"4 GiB":              []byte("\xff\xff\xff\xff\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
			"id 0":               inc(0),
			"id of the daemon":   inc(wire.DaemonID | 1),
			"deadline 0":         word(1, "\x00\x00\x00\x00\x00\x00\x00\x00"),
			"deadline below 0":   word(1, "\xff\xff\xff\xff\xff\xff\xff\xff"),
			"word cut short":     word(1, ""),
			"metadata no map":    word(8, ""),
			"metadata null":      word(8, "\xf6"),
			"shutdown of junk":   encoded(t, wire.Frame{Kind: wire.KindShutdown, ID: 1, Body: []byte("junk")}),
			"shutdown of none":   encoded(t, wire.Frame{Kind: wire.KindShutdown, ID: 1}),
			"greeting once more": []byte(greeting),
		} {
			r := a.greet(t)
			r.write(t, said)
			if name == "greeting once more" { // 8 of the 16 bytes of a header
				r.write(t, []byte(greeting))
			}
			if got := r.closed(t); len(got) != 0 {
				t.Errorf("%s: was told %q", name, got)
			}
		}
		r := a.greet(t)
		r.send(t, r.call(t, 5, "Ping"), r.call(t, 5, "Inc"))
		if got := r.closed(t); len(got) != 0 && !strings.Contains(string(got), "pong") {
			t.Errorf("an id used twice: was told %q", got)
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("another client: %d, %v", n, err)
		}
		if now := a.endpoint(t).PID; now != pid {
			t.Errorf("the daemon is %d, not %d", now, pid)
		}
	})
}

// Frames in pieces are put together. One that never ends delays no other connection.
func TestFramesInPieces(t *testing.T) {
	eachTransport(t, func(t *testing.T, a singleton) {
		a.IdleTTL = 50 * time.Millisecond
		keeper := share(t, a)
		if err := keeper.EnsureStarted(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := a.greet(t)
		frame := encoded(t, r.call(t, 1, "Echo", []byte("in small pieces")))
		for i := range frame {
			r.write(t, frame[i:i+1])
		}
		if f := r.next(t); f.Kind != wire.KindReply || !strings.Contains(string(f.Body), "in small pieces") {
			t.Errorf("byte by byte: got a %v frame", f.Kind)
		}
		frame = encoded(t, r.call(t, 2, "Inc"))
		r.write(t, frame[:10])
		<-time.After(700 * time.Millisecond)
		r.write(t, frame[10:])
		if n := r.value(t, 2); n != 1 {
			t.Errorf("after a pause within the header: %d", n)
		}
		// A part of a frame, and the end.
		r.write(t, encoded(t, r.call(t, 3, "Inc"))[:16])
		r.conn.Close()
		if n, err := mustConnect(t, keeper).Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("after half a frame: %d, %v; want 2", n, err)
		}
		keeper.Close()
		eventually(t, "the idle daemon has left", func() bool { return !a.alive(t) })
	})
}
