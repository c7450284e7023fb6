//go:build unix

package rt_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopgen/loopgen/rt/internal/wire"
)

// Whoever does not begin as the protocol does is hung up on without a byte,
// and within the time for a handshake. It starves nobody and runs nothing.
func TestStrangersLearnNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		h := a.dial(t).hello()
		stale, elsewhere := h, h
		stale.Incarnation = "0123456789abcdef"
		elsewhere.Address = "127.0.0.1:1"
		whole := opening(t, h)
		var all sync.WaitGroup
		for name, said := range map[string]string{
			"nothing":           "",
			"one byte":          "l",
			"get":               "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"post":              "POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
			"websocket":         "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
			"tls":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("r", 64),
			"ssh":               "SSH-2.0-OpenSSH_9.6\r\n",
			"zeros":             strings.Repeat("\x00", 4096),
			"greeting only":     greeting,
			"half a hello":      string(whole[:len(whole)/2]),
			"all but a byte":    string(whole[:len(whole)-1]),
			"4 GiB hello":       greeting + "\xff\xff\xff\xff\x01\x00\x00\x00" + strings.Repeat("\x00", 8),
			"hello over 1 KiB":  greeting + "\x00\x00\x04\x01\x01\x00\x00\x00" + strings.Repeat("\x00", 8+1025),
			"call before hello": greeting + string(encoded(t, wire.Frame{Kind: wire.KindCall, ID: 1, Body: []byte{0x80}})),
			"no greeting":       string(whole[len(greeting):]),
			"old incarnation":   string(opening(t, stale)),
			"another address":   string(opening(t, elsewhere)),
			"padded hello":      greeting + string(encoded(t, wire.Frame{Kind: wire.KindHello, Body: append(marshal(t, h), 0)})),
		} {
			r := a.dial(t)
			all.Go(func() {
				began := time.Now()
				r.write(t, []byte(said))
				if got := r.closed(t); len(got) != 0 {
					t.Errorf("%s: was told %q", name, got)
				}
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("%s: hung up on after %v, want 2s", name, took)
				}
			})
		}
		all.Wait()
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("the client that was there before: %d, %v", n, err)
		}
	})
}

// Whoever lacks the key gets the daemon's challenge, and nothing after it. A
// recording of a good handshake is worth no more.
func TestWrongProofs(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		r := a.dial(t)
		recording := &recorder{Writer: r.conn}
		if _, err := wire.Greet(r.reader, recording, r.endpoint.Key, r.hello()); err != nil {
			t.Fatal(err)
		}
		inc := encoded(t, r.call(t, 1, "Inc"))
		proof := func(b []byte) []byte {
			return encoded(t, wire.Frame{Kind: wire.KindProof, Body: marshal(t, wire.Proof{Proof: b})})
		}
		for name, said := range map[string][]byte{
			"replayed":   recording.written.Bytes(),
			"zeros":      slices.Concat(opening(t, r.hello()), proof(make([]byte, 32))),
			"empty":      slices.Concat(opening(t, r.hello()), proof(nil)),
			"call first": slices.Concat(opening(t, r.hello()), inc),
		} {
			imposter := a.dial(t)
			imposter.write(t, slices.Concat(said, inc))
			if f := imposter.next(t); f.Kind != wire.KindChallenge {
				t.Errorf("%s: got a %v frame", name, f.Kind)
			}
			if f, err := imposter.reader.Next(); err == nil {
				t.Errorf("%s: got a %v frame after the challenge", name, f.Kind)
			}
		}
		if n, err := c.Inc(t.Context()); n != 1 || err != nil {
			t.Errorf("got %d, %v; want 1: nobody else may have called", n, err)
		}
	})
}

// A handshake that was cut or changed at any byte ends without a welcome.
func TestDamagedHandshake(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		connect(t, a)
		good := a.dial(t)
		recording := &recorder{Writer: good.conn}
		if _, err := wire.Greet(good.reader, recording, good.endpoint.Key, good.hello()); err != nil {
			t.Fatal(err)
		}
		first := opening(t, good.hello())
		try := func(what string, said []byte) {
			r := a.dial(t)
			defer r.conn.Close()
			r.write(t, said)
			if err := r.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			f, err := r.reader.Next()
			if err == nil && f.Kind == wire.KindChallenge {
				f, err = r.reader.Next()
			}
			if err == nil {
				t.Errorf("%s: got a %v frame", what, f.Kind)
			}
		}
		for i := range first {
			try(fmt.Sprintf("cut at %d", i), first[:i])
			changed := slices.Clone(first)
			changed[i] ^= 1 << (i % 8)
			try(fmt.Sprintf("changed at %d", i), changed)
		}
		// What follows the challenge, as it was right for another challenge.
		for i := len(first); i < recording.written.Len(); i += 7 {
			try(fmt.Sprintf("replayed up to %d", i), recording.written.Bytes()[:i])
		}
	})
}

// What a daemon does not understand it says so, and the connection goes on.
func TestRefusedFrames(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
		c := connect(t, a)
		r := a.greet(t)
		header := func(kind, flags byte, id uint64, body string) []byte {
			b := encoded(t, wire.Frame{Kind: wire.KindCancel, Body: []byte(body)})
			wire.PutID(b, id)
			b[4], b[5] = kind, flags
			return b
		}
		call := func(method string, body string) []byte {
			return encoded(t, wire.Frame{Kind: wire.KindCall, Method: r.method(t, method), Body: []byte(body)})
		}
		noMethod := call("Inc", "\x80")
		noMethod[6] = 0xff
		target := encoded(t, wire.Frame{Kind: wire.KindCall, Method: r.method(t, "Inc"), Target: 7, Body: []byte("\x80")})
		id := uint64(0)
		for _, test := range []struct {
			name  string
			frame []byte
			code  wire.FailureCode
		}{
			{"unknown kind", header(99, 0, 0, "junk"), wire.FailureUnsupported},
			{"kind 0", header(0, 0, 0, ""), wire.FailureUnsupported},
			{"reserved kind", header(12, 0, 0, "\x80"), wire.FailureUnsupported},
			{"unknown flag", header(5, 0x80, 0, "\x80"), wire.FailureUnsupported},
			{"flag of another kind", header(8, 0x01, 0, "12345678"), wire.FailureUnsupported},
			{"hello again", header(1, 0, 0, "\x80"), wire.FailureUnsupported},
			{"welcome", header(4, 0, 0, "\xa0"), wire.FailureUnsupported},
			{"reply", header(6, 0, 0, "\x80"), wire.FailureUnsupported},
			{"going-away", header(11, 0, 0, "\xa0"), wire.FailureUnsupported},
			{"a handle", target, wire.FailureUnsupported},
			{"no such method", noMethod, wire.FailureNoMethod},
			{"no body", call("Inc", ""), wire.FailureBadArguments},
			{"no array", call("Inc", "\xa0"), wire.FailureBadArguments},
			{"too many", call("Inc", "\x81\x01"), wire.FailureBadArguments},
			{"too few", call("Bytes", "\x80"), wire.FailureBadArguments},
			{"4 billion", call("Inc", "\x9a\xff\xff\xff\xff"), wire.FailureBadArguments},
			{"another type", call("Bytes", "\x81\x61x"), wire.FailureBadArguments},
			{"too large for int", call("Bytes", "\x81\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), wire.FailureBadArguments},
			{"null for a number", call("Bytes", "\x81\xf6"), wire.FailureBadArguments},
			{"a float", call("Bytes", "\x81\xf9\x3c\x00"), wire.FailureBadArguments},
			{"undefined", call("Bytes", "\x81\xf7"), wire.FailureBadArguments},
			{"indefinite", call("Words", "\x9f\x61x\xff"), wire.FailureBadArguments},
			{"indefinite text", call("Words", "\x81\x7f\x61x\xff"), wire.FailureBadArguments},
			{"no UTF-8", call("Words", "\x81\x61\xff"), wire.FailureBadArguments},
			{"a tag", call("Words", "\x81\xd8\x20\x61x"), wire.FailureBadArguments},
			{"trailing", call("Words", "\x81\x61xx"), wire.FailureBadArguments},
			{"cut short", call("Words", "\x81\x63x"), wire.FailureBadArguments},
			{"long text", call("Words", "\x81\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"), wire.FailureBadArguments},
			{"deep", call("Words", "\x81"+strings.Repeat("\x81", 10_000)+"\x80"), wire.FailureBadArguments},
		} {
			id++
			wire.PutID(test.frame, id)
			r.write(t, test.frame)
			f := r.failure(t, id)
			if f.Code != test.code || f.Executed {
				t.Errorf("%s: %v (%s), executed %v; want %v", test.name, f.Code, f.Text, f.Executed, test.code)
			}
		}
		r.send(t, r.call(t, id+1, "Inc"))
		if n := r.value(t, id+1); n != 1 {
			t.Errorf("then Inc returned %d: something was executed", n)
		}
		if n, err := c.Inc(t.Context()); n != 2 || err != nil {
			t.Errorf("another client: %d, %v", n, err)
		}
	})
}

// What no version of the protocol says ends the connection, and only that.
func TestViolations(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
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

// Frames in pieces are put together; one that never ends is nobody's trouble.
func TestFramesInPieces(t *testing.T) {
	eachTransport(t, func(t *testing.T, a args) {
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
